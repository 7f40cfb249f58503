import pytest

from retrieval.address import find_address
from storage.errors import EndpointRefused, UsageError


def test_without_a_base_url_the_address_is_openais() -> None:
    assert find_address(None, local_only=False).is_openai


@pytest.mark.parametrize(
    "url", ["localhost:8000", "ftp://localhost", "http://", "http://exa mple/v1", "http://localhost:99999/v1", "x"]
)
def test_what_is_no_address_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(UsageError, match="--base-url is no address"):
        find_address(url, local_only=False)


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(UsageError) as raised:
        find_address("http://somebody:hush-hush@localhost/v1", local_only=False)
    assert "hush-hush" not in str(raised.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.9.9.9"])
def test_local_only_takes_every_address_of_this_machine(host: str) -> None:
    assert find_address(f"http://{host}:8000/v1", local_only=True).is_loopback


@pytest.mark.parametrize(
    "host",
    ["api.openai.com", "192.168.1.2", "10.0.0.1", "0.0.0.0", "[::]", "[fe80::1]", "localhost.example.com", "2130706"],
)
def test_local_only_refuses_everything_else(host: str) -> None:
    with pytest.raises(EndpointRefused, match="--local-only"):
        find_address(f"http://{host}/v1", local_only=True)
