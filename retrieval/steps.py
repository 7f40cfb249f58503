"""Progress of work whose length is known; it lives in `storage`, whose commands show it as well."""

from storage.steps import LINE_EVERY, Steps, span

__all__ = ["LINE_EVERY", "Steps", "span"]
