"""The report of an experiment: one self-contained HTML file, its plots, and its figures as CSV and JSON."""

import json
from pathlib import Path

from agent.experiment.analysis import Analysis, analyse
from agent.experiment.records import Experiment
from storage.errors import UsageError


def write_report(experiment: Experiment, folder: Path) -> tuple[Analysis, list[Path]]:
    """Write the figures of an experiment, also of one that is not finished.

    Returns:
        The figures, and the files written.

    Raises:
        UsageError: the folder cannot be written.
    """
    analysis = analyse(experiment, experiment.seed)
    files = {"summary.json": (json.dumps(analysis.to_json(), ensure_ascii=False, indent=1) + "\n").encode()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            (folder / name).write_bytes(data)
    except OSError as error:
        raise UsageError(f"{folder} cannot be written ({error.strerror}); give another --out") from error
    return analysis, [folder / name for name in files]
