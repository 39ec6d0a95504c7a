import torch
from mmengine.model import BaseModel
from mmseg.registry import MODELS
from torch import nn

from mmseg_gl.errors import UserError
from mmseg_gl.models.representations import entropy_map
from mmseg_gl.models.training import backward, detach, frozen, on_cpu, unsynchronised, update


@MODELS.register_module()
class UDASegmentor(BaseModel):
    """A segmentor plus what adapts it: the one training step of every method in this library.

    ::

        source -> segmentor -> {decode, auxiliary} -> supervised loss            -> backward
        target -> segmentor -> {decode, auxiliary} -> fool the active heads
                                                    + target losses              -> backward
        detached maps of both domains -> every active head -> its own loss   -> backward
                                                 the optimizers step, unless a loss is not finite

    The domains are forwarded and backpropagated one after the other, source first: batch norm sees
    one domain at a time, as in the official codes, and the source's graph is freed before the
    target's is built. A head that is not active costs nothing. With neither an active head nor a
    target loss no target image is forwarded (it would move the batch norm statistics).

    Args:
        segmentor (dict): A segmentor with ``mode='outputs'`` (:class:`MultiOutputEncoderDecoder`).
        global_head (dict | None): Discriminator head on whole maps.
        local_head (dict | None): Discriminator head on pixels.
        target_losses (list[dict]): Further losses on the target's logits; each is called with
            ``(logits, data_samples)`` and returns a dict of scalars.
        data_preprocessor (dict | None): Applied to each domain by itself.

    Raises:
        UserError: When the segmentor has no ``mode='outputs'``, a head or loss is for an output
            level that it does not have, or (in training) data are missing or a loss is not finite.
    """

    HEADS = ('global_head', 'local_head')
    skip_nonfinite = False  # True: no error for a loss that is not finite; see `stepped`
    stepped = True  # whether the last train_step has changed the weights

    def __init__(
        self,
        segmentor,
        global_head=None,
        local_head=None,
        target_losses=(),
        data_preprocessor=None,
    ):
        super().__init__(data_preprocessor=data_preprocessor)
        self.segmentor = MODELS.build(segmentor)
        if not hasattr(self.segmentor, 'outputs'):
            raise UserError(
                f'model.segmentor is a {type(self.segmentor).__name__}, which cannot return the '
                'logits of every head; use MultiOutputEncoderDecoder, which takes the same options'
            )
        self.global_head = MODELS.build(global_head) if global_head else None
        self.local_head = MODELS.build(local_head) if local_head else None
        self.target_losses = nn.ModuleList(MODELS.build(loss) for loss in target_losses)
        self.active_heads = tuple(n for n in self.HEADS if getattr(self, n) is not None)
        self.check_levels()

    def check_levels(self):
        """Note the output levels of every part; refuse those that the segmentor does not have."""
        levels = [level for level, _ in self.segmentor.heads()]
        self.levels = {'segmentor': set(levels), 'target_losses': set()}
        parts = [(name, getattr(self, name)) for name in self.active_heads]
        parts += [('target_losses', loss) for loss in self.target_losses]
        for name, part in parts:
            self.levels.setdefault(name, set()).update(getattr(part, 'loss_weights', ()))
            for level in getattr(part, 'loss_weights', ()):
                if level not in levels:
                    raise UserError(
                        f'{type(part).__name__}: loss_weights names the output level "{level}", '
                        f'but the segmentor has only {", ".join(levels)}; drop it, or add an '
                        'auxiliary_head (for local alignment of one output there is '
                        '_base_/uda/local_alignment_single_level.py)'
                    )

    def train_step(self, data, optim_wrapper):
        """Make one update of the segmentor and of every active discriminator head.

        Args:
            data (dict): ``source`` and, for adaptation, ``target``: batches of ``inputs`` and
                ``data_samples``.
            optim_wrapper (OptimWrapperDict): One optimizer for ``segmentor`` and each head.

        Returns:
            dict[str, Tensor]: Detached scalars to log.
        """
        heads = {name: getattr(self, name) for name in self.active_heads}
        optimizer = optim_wrapper['segmentor']

        source = self.preprocess(data, 'source')
        later = [self.segmentor] if self.target_reaches_every_level(heads) else []
        with unsynchronised(*later), optimizer.optim_context(self.segmentor):
            source_maps, losses = self.segmentor(**source, mode='outputs')
        logs = backward(losses, optimizer)
        source_maps = detach(source_maps)

        if heads or self.target_losses:
            target = self.preprocess(data, 'target')
            with frozen(heads.values()), optimizer.optim_context(self.segmentor):
                target_maps, losses = self.segmentor(target['inputs'], mode='outputs')
                for head in heads.values():
                    losses.update(head('fool', target=target_maps))
                for loss in self.target_losses:
                    losses.update(loss(target_maps, target['data_samples']))
            logs.update(backward(losses, optimizer))
            target_maps = detach(target_maps)
            logs['entropy_target'] = mean_entropy(target_maps['decode'])

        labels = stack_labels(source['data_samples']) if heads else None
        for name, head in heads.items():
            optimizer = optim_wrapper[name]
            with optimizer.optim_context(head):
                losses = head('discriminate', source=source_maps, target=target_maps, labels=labels)
            logs.update(backward(losses, optimizer))
        optimizers = [optim_wrapper[name] for name in ('segmentor', *heads)]
        logs = on_cpu(logs)
        self.stepped = update(optimizers, logs, self.skip_nonfinite)
        return logs

    def target_reaches_every_level(self, heads):
        """Whether the target's backward pass reaches every parameter that the source's reaches.

        The source's gradients need no synchronisation of their own then.
        """
        reached = set().union(*(self.levels[part] for part in (*heads, 'target_losses')))
        return reached == self.levels['segmentor']

    def preprocess(self, data, domain):
        if domain not in data:
            raise UserError(
                f'the training data has no "{domain}" images, but this method needs them: give '
                f'train_dataloader.dataset a {domain} data set'
            )
        return self.data_preprocessor(data[domain], True)

    def forward(self, inputs, data_samples=None, mode='tensor'):
        """Run the segmentor alone, as validation and testing do; see mmseg's ``forward``."""
        return self.segmentor(inputs, data_samples, mode=mode)


def mean_entropy(logits):
    """Return the mean entropy of maps in [0, 1], for the log, from a sixteenth of their pixels."""
    return entropy_map(logits[:, :, ::4, ::4]).sum(dim=1).mean()


def stack_labels(data_samples):
    """Return the labels of a batch, (N, H, W)."""
    return torch.stack([sample.gt_sem_seg.data.squeeze(0) for sample in data_samples])
