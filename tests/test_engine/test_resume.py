"""A run that was stopped anywhere and resumed ends as one that was never stopped, bit for bit."""

import signal
from pathlib import Path

import pytest

from mmseg_gl.cli.tool import worker_error
from mmseg_gl.errors import Interrupted
from tests.run_states import assert_same, assert_same_run, log_of, state_of

CYCLE_GAN = Path(__file__).parents[2] / 'configs/bdl/cyclegan_street-scenes.py'
CRASHES = [
    ('after', 0),  # before the first checkpoint
    ('after', 3),  # saved, not validated
    ('validation', 4),
    ('validated', 4),
    ('before', 5),  # about to switch to phase 2
    ('validation', 8),  # the very last thing
]


@pytest.fixture
def straight(train, tmp_path):
    """The work dir of a run that was never stopped."""
    train(tmp_path / 'straight')
    return tmp_path / 'straight'


@pytest.fixture
def signals():
    """Put the handlers back that training replaces."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)
    handlers = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler or signal.SIG_DFL)


@pytest.mark.slow
def test_run_that_crashes_everywhere_equals_the_straight_one(train, crash, straight, tmp_path):
    for place, iteration in CRASHES:
        crash(tmp_path / 'crashed', place, iteration, resume=True)
    train(tmp_path / 'crashed', resume=True)
    assert_same_run(straight, tmp_path / 'crashed')
    state = state_of(straight / 'iter_8.pth')
    assert state['message_hub']['runtime_info']['phase'] == 2
    assert state['optimizer']['local_head']['state'][0]['step'] == 3


def test_polite_ends_save_and_leave_no_trace(train, straight, signals, tmp_path):
    work_dir = tmp_path / 'ended'
    ends = [
        ('after', 2, signal.SIGTERM, 3),  # done: iterations 0 to 2
        ('validation', 4, signal.SIGINT, 4),
        ('before', 4, signal.SIGTERM, 5),
    ]
    for place, iteration, number, done in ends:
        with pytest.raises(Interrupted, match=f'after iteration {done}; it is saved') as end:
            train(work_dir, place, iteration, [number], resume=True)
        assert end.value.signal == number and '--resume' in str(end.value)
        assert Path((work_dir / 'last_checkpoint').read_text()).name == f'iter_{done}.pth'
        assert state_of(work_dir / f'iter_{done}.pth')['meta']['iter'] == done
    train(work_dir, resume=True)
    assert_same_run(straight, work_dir)


def test_data_worker_that_is_killed_loses_nothing(train, straight, signals, monkeypatch, tmp_path):
    # As in a new process: the first data worker comes with PyTorch's handler of SIGCHLD.
    monkeypatch.setattr('torch.utils.data._utils.signal_handling._SIGCHLD_handler_set', False)
    options = {'train_dataloader.num_workers': 1, 'train_dataloader.persistent_workers': True}
    with pytest.raises((RuntimeError, ConnectionError)) as error:
        train(tmp_path / 'lost', 'worker', 4, [signal.SIGKILL], **options)
    assert 'num_workers' in worker_error(error.value)
    done = state_of(tmp_path / 'lost/iter_5.pth')['meta']['iter']  # no regular one
    assert done == 5 and (tmp_path / 'lost/last_checkpoint').read_text().endswith('iter_5.pth')
    train(tmp_path / 'lost', resume=True)
    assert_same_run(straight, tmp_path / 'lost')


def test_second_signal_ends_it_at_once(train, signals, monkeypatch, tmp_path):
    monkeypatch.setattr('mmseg_gl.engine.interruption.DEBOUNCE_SECONDS', -1.0)
    with pytest.raises(Interrupted, match='without saving'):
        train(tmp_path, 'before', 1, [signal.SIGINT, signal.SIGTERM])
    assert not list(tmp_path.glob('*.pth'))


def test_signal_that_arrives_twice_within_a_second_is_one(train, signals, tmp_path):
    with pytest.raises(Interrupted, match='after iteration 2'):
        train(tmp_path, 'before', 1, [signal.SIGINT, signal.SIGTERM])


def test_tools_exit_code_is_the_signals(run, monkeypatch, tmp_path):
    def interrupted():
        raise Interrupted(signal.SIGTERM, 'training has stopped')

    monkeypatch.setattr('mmseg_gl.cli.train.load_run_config', lambda *_: interrupted())
    outcome = run('train', 'config.py')
    assert (outcome.code, outcome.err) == (143, 'training has stopped\n')


def test_cycle_gan_with_its_pools(run, street_scenes, tmp_path):
    def train(work_dir, iterations):
        options = [
            f'train_cfg.max_iters={iterations}',
            'model.pool_size=3',
            'model.generator.channels=4',
            'model.generator.num_blocks=1',
            'model.discriminator.channels=4',
            'default_hooks.checkpoint.interval=2',
            'default_hooks.logger.interval=1',
        ]
        for domain, root in (('source', 'GTA5'), ('target', 'cityscapes')):
            dataset = f'train_dataloader.dataset.{domain}'
            options += [f'{dataset}.data_root={street_scenes}/{root}']
            options += [f'{dataset}.pipeline.1.crop_size=32']
        arguments = ('--work-dir', tmp_path / work_dir, '--resume', '--cfg-options', *options)
        outcome = run('train', CYCLE_GAN, *arguments)
        assert outcome.code == 0, outcome.err

    train('straight', 6)
    train('resumed', 4)
    train('resumed', 6)
    states = [state_of(tmp_path / name / 'iter_6.pth') for name in ('straight', 'resumed')]
    assert_same(*states, 'iter_6.pth')
    assert_same(log_of(tmp_path / 'straight'), log_of(tmp_path / 'resumed'), 'log')
    assert states[0]['state_dict']['pools.source.images'].shape == (3, 3, 32, 32)
