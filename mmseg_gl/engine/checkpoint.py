"""Loading checkpoints so that nothing is left random without a word."""

import os
import re
import sys

from mmengine.model import is_model_wrapper

from mmseg_gl.engine.plain_values import has_form
from mmseg_gl.engine.pretrained import pretrained_parts
from mmseg_gl.errors import UserError
from mmseg_gl.files import is_first_process
from mmseg_gl.weights.files import below, check_tensors, read_checkpoint, tensors_of

LAST = 'last_checkpoint'  # the file in a work dir that names the newest checkpoint
RUN = dict(  # what a run goes on from
    state_dict=dict,
    optimizer=dict,
    meta=dict(epoch=int, iter=int),
    message_hub=dict(log_scalars=dict, runtime_info=dict, resumed_keys={str: bool}),
)


def read_run(path):
    """Read the checkpoint of a training run that can go on from it.

    Args:
        path (str): File written by ``SafeCheckpointHook``.

    Returns:
        dict: Its contents.

    Raises:
        UserError: When it holds less than that; see :func:`read_checkpoint`.
    """
    contents = read_checkpoint(path)
    if not has_form(contents, RUN):
        raise UserError(
            f'{path} holds weights but not the state of a training run, so it cannot be resumed; '
            'to start from its weights use --cfg-options load_from=...'
        )
    return contents


def has_checkpoints(work_dir):
    """Return whether a folder holds any checkpoints; it need not exist."""
    names = os.listdir(work_dir) if os.path.isdir(work_dir) else []
    return any(name.endswith('.pth') for name in names)


def last_checkpoint(work_dir):
    """Return the path that the file ``last_checkpoint`` of a work dir names, None without one.

    The checkpoint is looked for in this work dir, which may have been moved since.
    """
    path = os.path.join(work_dir, LAST)
    if not os.path.isfile(path):
        return None
    with open(path, errors='replace') as file:
        name = os.path.basename(file.read().strip())
    return os.path.join(work_dir, name) if name else None


def newest_whole_checkpoint(work_dir):
    """Return the newest checkpoint of a run that can be resumed; say which ones are damaged.

    That is the one of ``last_checkpoint``, or else the newest one before it.

    Args:
        work_dir (str): Where the run writes.

    Returns:
        str | None: Its path; None when there are no checkpoints at all.

    Raises:
        UserError: When there are only damaged ones.
    """
    names = os.listdir(work_dir) if os.path.isdir(work_dir) else []
    names = [name for name in names if re.fullmatch(r'iter_\d+\.pth', name)]
    names.sort(key=lambda name: int(name[5:-4]), reverse=True)
    paths = [os.path.join(work_dir, name) for name in names]
    last = last_checkpoint(work_dir)
    if last in paths:
        paths = paths[paths.index(last) :]
    elif last:  # under another name, or gone
        paths = [last, *paths]
    damage = []
    for path in paths:
        try:
            read_checkpoint(path)
        except UserError as error:
            damage.append(str(error))
            continue
        for sentence in damage if is_first_process() else ():
            print(f'{sentence}; going on from {path}', file=sys.stderr)
        return path
    if damage:
        raise UserError(
            f'--resume: no checkpoint in {work_dir} can be read: {damage[0]}; name another one: '
            '--resume CKPT'
        )
    return None


def load_segmentor(model, path):
    """Load a checkpoint's segmentor, all of it, into a :class:`UDASegmentor`.

    With ``evaluated='teacher'`` it is the teacher's network. Other parts are not needed for testing
    and may be absent. A checkpoint of the segmentor alone (keys without the ``segmentor.`` prefix)
    is taken as well.

    Args:
        model (nn.Module): The model, possibly wrapped for distributed use.
        path (str): Checkpoint file.

    Raises:
        UserError: When tensors are missing or have another shape.
    """
    weights = tensors_of(read_checkpoint(path))
    model = unwrapped(model)
    weights = below(weights, f'{model.evaluated}.') or weights
    part = getattr(model, model.evaluated)
    check_tensors(part, weights, path)
    part.load_state_dict(weights)


def check_start(model, path, resume):
    """Make sure that training can start from a checkpoint; mmengine would leave gaps random.

    All weights of the segmentor come from it then: an ImageNet file that the config names is not
    read, and need not be there.

    Args:
        model (nn.Module): The model, possibly wrapped for distributed use.
        path (str): Checkpoint file.
        resume (bool): Whether the run goes on (all tensors and the optimizers' state are needed) or
            only starts from the weights (the segmentor's or the generators' are needed).

    Raises:
        UserError: When it cannot.
    """
    contents = read_run(path) if resume else read_checkpoint(path)
    model, weights = unwrapped(model), tensors_of(contents)
    if resume:
        check_tensors(model, weights, path)
    else:
        start = 'segmentor' if hasattr(model, 'segmentor') else 'generators'
        check_tensors(getattr(model, start), below(weights, f'{start}.'), path)
    for _, module, _ in pretrained_parts(model):
        module.init_cfg = None


def unwrapped(model):
    """Return the model inside a distributed wrapper, or the model itself."""
    return model.module if is_model_wrapper(model) else model
