"""`python -m agent.sandbox.state`: what the recommender of a sandbox has learned of each visitor, as JSON.

Worked out again from the file of watch events that lies beside a corpus, so that it is exactly what served the feeds.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from agent.sandbox.feed import Feeds, read_state
from agent.sandbox.world import World
from retrieval.vocabulary import load_vocabulary
from storage import cli
from storage.errors import NothingFound, UsageError

app = cli.app("Print what the sandbox's recommender has learned.")


def feed_states(state: Path, vocabulary: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """What the last server of a state file goes by: `seed`, `recommender`, `distinct`, and by visitor its position,
    parameters and learned weights.

    Args:
        vocabulary: keywords by value id, as the server has them.

    Raises:
        NothingFound: nobody has watched anything yet, or only pictures of a folder.
        UsageError: no such file, or none of watch events.
    """
    try:
        lines, _ = read_state(state)
        site = next((line for line in reversed(lines) if line["kind"] == "site"), None)
    except OSError as error:
        raise UsageError(f"{state} cannot be read ({error.strerror}); name the file beside a corpus") from None
    except (ValueError, KeyError, TypeError):
        raise UsageError(f"{state} is no file of a sandbox's watch events; name the one beside a corpus") from None
    if site is None:
        raise NothingFound(f"{state} does not say which recommender it is of; run the sandbox on it once")
    feeds = Feeds(World(site["seed"], vocabulary), site["recommender"], distinct=site["distinct"])
    for line in lines:
        feeds.replay(line)
    if not feeds.states():
        raise NothingFound(f"{state} holds no watch event of a feed that learns")
    return {**{name: value for name, value in site.items() if name != "kind"}, "visitors": feeds.states()}


@app.command()
def main(
    state: Annotated[Path, typer.Argument(help="The file of watch events, CORPUS.sandbox.jsonl.")],
    vocabulary: Annotated[
        Path | None, typer.Option(help="Vocabulary that the sandbox was run with (default: the packaged one).")
    ] = None,
) -> int:
    """Print position, parameters and learned weights of every visitor's feed, as one JSON object.

    Example:

      python -m agent.sandbox.state data/corpus.sqlite.sandbox.jsonl
    """
    words = {value.id: [keyword.word for keyword in value.all_keywords] for value in load_vocabulary(vocabulary).values}
    print(json.dumps(feed_states(state, words), indent=1))
    return 0


if __name__ == "__main__":
    cli.run(app)
