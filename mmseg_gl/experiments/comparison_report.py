"""Report of a comparison: report.md, curves.png and report.png."""

import os

from mmengine.config import Config

from mmseg_gl.engine.plain_values import has_form
from mmseg_gl.engine.resumption import settings_of
from mmseg_gl.errors import UserError
from mmseg_gl.experiments.compared_run import RECORD
from mmseg_gl.experiments.comparison import table
from mmseg_gl.experiments.grid import grid_table
from mmseg_gl.experiments.learning_curves import learning_curves
from mmseg_gl.experiments.paired_differences import difference_table
from mmseg_gl.experiments.places import Place, finished_runs, row_names, run_dir
from mmseg_gl.experiments.prediction_montage import prediction_montage
from mmseg_gl.experiments.run_result import read_json
from mmseg_gl.files import write_text
from mmseg_gl.visualization.curves import check_own_picture, draw_curves

TITLE = '# Comparison'  # begins report.md
CURVES = 'Thick: mean over the seeds of the row. Thin: each seed.'
REPORT = ('report.md', 'report.png', 'curves.png')


def check_report(work_dir: str) -> None:
    """Raise a UserError if a file of the report was not written by this tool.

    That is, if report.md does not begin as this tool's does, or if the pictures are there without
    it, or if curves.png was not drawn here.
    """
    text, *pictures = (os.path.join(work_dir, name) for name in REPORT)
    ours = False
    if os.path.isfile(text):
        with open(text, errors='replace') as file:
            ours = file.read().startswith(TITLE)
    for path in (text, *pictures):
        if os.path.lexists(path) and not ours:
            raise UserError(
                f'{path} was not written by this tool; move it, or choose another --work-dir'
            )
    check_own_picture(pictures[1], '--work-dir')


def write_report(
    work_dir: str,
    configs: dict[Place, Config],
    seed: int,
    score: str,
    baseline: Place | None,
    command: str,
) -> str:
    """Write the report of all finished runs of a folder.

    Args:
        work_dir: The folder.
        configs: Configs of the rows that come first; the picture shows the test images of the
            first one, and the rows that have predicted them.
        seed: Seed of the predictions in the picture.
        score: See :func:`table`.
        baseline: Row to which the others are compared.
        command: Command line that made the report.

    Returns:
        Its tables.
    """
    found = finished_runs(work_dir, RECORD)
    found = {place: found[place] for place in [*configs, *found]}  # the command's rows first
    names = row_names(found)
    results = {names[place]: runs for place, runs in found.items()}
    sections = table(results, score).splitlines()
    if baseline:
        sections += difference_table(results, names[baseline])
    sections += grid_table(found, names, score)
    tables = '\n'.join(sections)
    curves = learning_curves(results, score)
    if curves:
        draw_curves(curves, os.path.join(work_dir, 'curves.png'), CURVES, scale=1.5)
    first = next(iter(configs.values()))
    folders = {place: run_dir(work_dir, place, seed) for place in found}
    picture = prediction_montage(
        first.test_dataloader.dataset,
        {names[p]: folder for p, folder in folders.items() if has_predictions(folder, first)},
    )
    picture.save(os.path.join(work_dir, 'report.png'))
    write_text(
        os.path.join(work_dir, 'report.md'),
        f'{TITLE}\n\nMade by `{command}`; it covers all finished runs of this folder.\n\n'
        f'{tables}\n\n'
        + (f'## Learning curves\n\n{CURVES}\n\n![curves](curves.png)\n\n' if curves else '')
        + f'## Predictions\n\nSeed {seed}, last iterate:\n\n![predictions](report.png)\n',
    )
    return tables


def has_predictions(folder: str, cfg: Config) -> bool:
    """Return whether a run has predictions for the test images of a config."""
    record = read_json(os.path.join(folder, RECORD))
    same = has_form(record, dict(test_dataloader=dict(dataset=dict))) and (
        images_of(record['test_dataloader']['dataset'])
        == images_of(settings_of(cfg.test_dataloader.dataset))
    )
    return same and os.path.isdir(os.path.join(folder, 'test', 'predictions'))


def images_of(dataset: dict) -> dict:
    """Return the settings of a data set that decide which images it has."""
    return {key: value for key, value in dataset.items() if key not in ('pipeline', 'metainfo')}
