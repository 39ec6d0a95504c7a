"""Recipes: order, skipping, going on after an interruption, and what is refused."""

import fcntl
import glob
import json
import shutil
from pathlib import Path

import pytest

from mmseg_gl.errors import UserError
from mmseg_gl.experiments.recipe import load_recipe
from mmseg_gl.experiments.stage import REPORTS
from mmseg_gl.experiments.tool_process import ToolProcess

ROOT = Path(__file__).parents[2]
SHIPPED = sorted(glob.glob(str(ROOT / 'configs' / '*' / 'recipes' / '*.py')))
SOURCE_ONLY = ROOT / 'configs/source_only/source-only_deeplabv2-tiny_street-scenes.py'
BDL = ROOT / 'configs/bdl'
FCN8S_M0 = 'bdl_fcn8s-vgg16_gta5-to-cityscapes_m0.py'  # starts from a checkpoint that is given
FOLDER = 'train_dataloader.dataset.target.pipeline.1.folder'
STAGES = [
    dict(name='start', tool='train', config=str(SOURCE_ONLY)),
    dict(
        name='labels',
        tool='pseudo_label',
        config=str(BDL / 'bdl_deeplabv2-tiny_street-scenes_m0.py'),
        checkpoint='{start}',
    ),
    dict(
        name='adapted',
        tool='train',
        config=str(BDL / 'bdl_deeplabv2-tiny_street-scenes.py'),
        options={'load_from': '{start}', FOLDER: '{labels}'},
    ),
]


@pytest.fixture
def recipe(tmp_path):
    """The function that writes a recipe file: (stages) -> path."""

    def write(stages):
        path = tmp_path / 'recipe.py'
        path.write_text(f'stages = {stages!r}\n')
        return path

    return write


@pytest.fixture
def tools(monkeypatch):
    """Replace the tools by ones that only write what says that they are done; a log of calls."""
    calls = []

    def run(process):
        calls.append(process.tool)
        folder = Path(process.log_file.removesuffix('.log'))
        if process.tool == 'train':
            name = 'iter_1200.pth' if folder.name == 'start' else 'iter_400.pth'
            (folder / name).write_text('')
            (folder / 'last_checkpoint').write_text(str(folder / name))
            (folder / 'start/vis_data').mkdir(parents=True)
            validation = dict(mIoU=1.0, step=int(name[5:-4]))
            (folder / 'start/vis_data/scalars.json').write_text(json.dumps(validation))
        else:
            report = REPORTS[process.tool]
            (folder / report).write_text(json.dumps(dict(complete=True)))

    monkeypatch.setattr(ToolProcess, 'run', run)
    return calls


@pytest.mark.parametrize('path', SHIPPED, ids=lambda path: Path(path).stem)
def test_shipped_recipes(path, tmp_path):
    stages = {stage.name: stage for stage in load_recipe(path, str(tmp_path), seed=0)}
    trained = [name for name, stage in stages.items() if stage.tool == 'train']
    rounds = ['F_1', 'M0_1', 'M1_1', 'M2_1', 'F_2', 'M0_2', 'M1_2', 'M2_2', 'M2_2_local']
    assert [name for name in trained if name != 'source-only'] == rounds
    for k in (1, 2):
        for n in (1, 2):
            names = [stage.name for stage in stages[f'M{n}_{k}'].inputs]
            start = ['source-only'] if 'source-only' in stages else []
            assert names == [*start, f'images_{k}', f'labels{n - 1}_{k}']
            source = stages[f'M{n}_{k}'].cfg.train_dataloader.dataset.source
            assert source.data_prefix.img_path == str(tmp_path / f'images_{k}' / 'images')
    assert stages['F_2'].cfg.model.segmentor_checkpoint == stages['M2_1'].output
    assert stages['F_1'].cfg.model.get('segmentor') is None


@pytest.mark.slow
def test_shipped_recipe_trains_every_stage(run, street_scenes, monkeypatch, tmp_path):
    """The street scenes' recipe at 64x32 with two iterations a stage."""
    monkeypatch.setenv('STREET_SCENES', str(street_scenes))
    shipped = next(Path(path) for path in SHIPPED if 'street-scenes' in path)
    domains = ('train_dataloader.dataset.source', 'train_dataloader.dataset.target')
    tiny = {
        **{f'{domain}.pipeline.1.crop_size': 32 for domain in domains},  # of the translations
        'val_dataloader.dataset.pipeline.1.scale': (64, 32),  # of the other stages
        'train_cfg.max_iters': 2,
    }
    work_dir = tmp_path / 'out'
    *stages, last = load_recipe(str(shipped), str(work_dir), 0, tiny)
    for stage in stages:  # in this process, which saves most of the time
        stage.begin()
        outcome = run(stage.tool, *stage.arguments())
        assert outcome.code == 0 and stage.is_done(), outcome.err
    options = ['--cfg-options', *(f'{key}={value}' for key, value in tiny.items())]
    outcome = run('run_recipe', shipped, '--work-dir', work_dir, *options)
    assert outcome.code == 0 and last.is_done(), outcome.err
    assert outcome.out.count(' done  ') == len(stages)
    table = [line for line in outcome.out.splitlines() if line.startswith(('| M', '| source'))]
    assert len(table) == 8 and last.name in table[-1]


def test_dry_run_prints_the_plan_and_does_nothing(run, recipe, tools, tmp_path):
    work_dir = tmp_path / 'out'
    outcome = run('run_recipe', recipe(STAGES), '--work-dir', work_dir, '--dry-run')
    assert outcome.code == 0 and not tools and not work_dir.exists()
    assert outcome.out.count('to do') == 3
    assert f'tools/pseudo_label.py {STAGES[1]["config"]} {work_dir}/start/iter_1200.pth' in (
        outcome.out
    )
    assert f'{FOLDER}={work_dir}/labels' in outcome.out


def test_options_are_for_the_stages_that_have_the_key(run, recipe, tools, tmp_path):
    command = ['run_recipe', recipe(STAGES), '--work-dir', tmp_path / 'out', '--dry-run']
    head = 'model.heads.global_head.gan=lsgan'
    lines = run(*command, '--cfg-options', head, 'train_cfg.max_iters=7').out.splitlines()
    plan = [line for line in lines if 'tools/' in line]
    assert [head in line for line in plan] == [False, True, True]
    assert all('train_cfg.max_iters=7' in line for line in plan)
    assert f'{tmp_path}/out/start/iter_7.pth' in plan[2]
    assert 'train_cfg.max_iter:' in run(*command, '--cfg-options', 'train_cfg.max_iter=7').error


def test_goes_on_with_the_stage_that_failed(run, recipe, tools, tmp_path, monkeypatch):
    path, work_dir = recipe(STAGES), tmp_path / 'out'
    whole = ToolProcess.run

    def broken(process):
        if process.tool == 'pseudo_label':
            raise UserError('labels: pseudo_label.py ended with exit code 2')
        whole(process)

    monkeypatch.setattr(ToolProcess, 'run', broken)
    assert 'pseudo_label.py' in run('run_recipe', path, '--work-dir', work_dir).error
    monkeypatch.setattr(ToolProcess, 'run', whole)
    outcome = run('run_recipe', path, '--work-dir', work_dir)
    assert outcome.code == 0 and 'interrupted  labels' in outcome.out
    assert tools == ['train', 'pseudo_label', 'train']


def test_a_stage_without_its_last_validation_is_not_done(run, recipe, tools, tmp_path):
    path, work_dir = recipe(STAGES[:1]), tmp_path / 'out'
    assert run('run_recipe', path, '--work-dir', work_dir).code == 0
    shutil.rmtree(work_dir / 'start/start')
    outcome = run('run_recipe', path, '--work-dir', work_dir)
    assert outcome.code == 0 and 'interrupted  start' in outcome.out and len(tools) == 2


def test_refuses_other_settings_foreign_files_and_lost_inputs(run, recipe, tools, tmp_path):
    path, work_dir = recipe(STAGES), tmp_path / 'out'
    assert run('run_recipe', path, '--work-dir', work_dir).code == 0
    error = run('run_recipe', path, '--work-dir', work_dir, '--seed', 1).error
    assert '"start"' in error and 'seed' in error
    options = {**STAGES[2]['options'], 'model.heads.global_head.gan': 'lsgan'}
    changed = [*STAGES[:2], {**STAGES[2], 'options': options}]
    error = run('run_recipe', recipe(changed), '--work-dir', work_dir).error
    assert '"adapted"' in error and '(settings)' in error
    (work_dir / 'labels' / 'pseudo_labels.json').unlink()
    error = run('run_recipe', recipe(STAGES), '--work-dir', work_dir).error
    assert '"adapted"' in error and '"labels"' in error
    other = tmp_path / 'other'
    (other / 'start').mkdir(parents=True)
    (other / 'start' / 'mine.txt').write_text('mine')
    error = run('run_recipe', recipe(STAGES), '--work-dir', other).error
    assert f'{other}/start' in error
    assert (other / 'start' / 'mine.txt').read_text() == 'mine' and len(tools) == 3


def test_a_stage_that_made_nothing_ends_the_run(run, recipe, tools, tmp_path, monkeypatch):
    monkeypatch.setattr(ToolProcess, 'run', lambda process: None)  # writes nothing
    error = run('run_recipe', recipe(STAGES), '--work-dir', tmp_path / 'out').error
    assert 'start.log' in error and not tools


def test_two_runs_in_one_folder_are_refused(run, recipe, tools, tmp_path):
    work_dir = tmp_path / 'out'
    work_dir.mkdir()
    with open(work_dir / 'recipe.lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        error = run('run_recipe', recipe(STAGES), '--work-dir', work_dir).error
    assert str(work_dir) in error and not tools


@pytest.mark.parametrize(
    'stages, named',
    [
        ([dict(tool='train', config='a.py')], 'name'),
        ([dict(STAGES[0], extra=1)], '"extra"'),
        ([dict(STAGES[0], config='none.py')], 'none.py'),
        ([dict(STAGES[0], config=str(BDL / FCN8S_M0))], 'load_from'),
        ([dict(STAGES[0], checkpoint='x')], '"checkpoint"'),
        ([STAGES[0], STAGES[0]], '"start"'),
        (STAGES[1:], '"start"'),
        ([dict(STAGES[0], options={'train_cfg.max_iter': 3})], 'max_iter'),
    ],
)
def test_bad_recipes(run, recipe, tmp_path, stages, named):
    assert named in run('run_recipe', recipe(stages), '--work-dir', tmp_path / 'out').error
    assert not (tmp_path / 'out').exists()
