from __future__ import annotations

from functools import cache

from mmengine.model import BaseModel
from mmengine.optim import OptimWrapperDict
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_gl.errors import UserError, check_choice
from mmseg_gl.models.image_batch import ImageBatch
from mmseg_gl.models.outputs import Outputs
from mmseg_gl.models.representations import entropy_map
from mmseg_gl.models.step import backward, detach, merge, on_cpu, update


@MODELS.register_module()
class UDASegmentor(BaseModel):
    """A segmentor plus what adapts it: the one training step of every method in this library.

    ::

        0. the teacher follows the segmentor
        1. source -> segmentor -> supervised losses + source losses              -> backward
        2. target -> segmentor -> each head sees both domains: its own loss      -> backward
                               -> fool the heads + target losses                 -> backward
        3. each view makes labelled images -> segmentor -> supervised losses     -> backward
        4. all optimizers step, or none (a loss is not finite)

    Each forward pass gives :class:`Outputs`, which is all that a part sees. Domains and views are
    forwarded and backpropagated one after the other: batch norm sees one at a time, as in the
    official codes, and the graph of one is freed before that of the next is built. A part that is
    not active costs nothing. Without an active head or target loss no target image is forwarded (it
    would move the batch norm statistics).

    Every part is a child of the model under its own name: ``optim_wrapper.NAME`` trains it,
    ``NAME.`` begins its keys in a checkpoint.

    Args:
        segmentor (dict): Config of a segmentor with ``mode='outputs'``
            (:class:`MultiOutputEncoderDecoder`, which is also made of mmseg's EncoderDecoder).
        heads (dict[str, dict] | None): By name, what aligns the domains: called with the outputs of
            the source (detached) and of the target, returns the segmentor's losses and, if it has
            parameters, its own (:class:`BaseDiscriminatorHead`).
        source_losses, target_losses (dict[str, dict] | None): By name, further losses on one
            domain: called with its outputs, return a dict of scalars ``loss_*`` and of others to
            log.
        teacher (dict | None): Labels images for the views (:class:`EMATeacher`).
        views (dict[str, dict] | None): By name, what makes labelled images: called with the
            batches of both domains, ``dict(source=, target=)``, and with the teacher, a function
            that labels a batch (:meth:`EMATeacher.label`); returns an :class:`ImageBatch`.
        evaluated (str): What validation and testing run: 'segmentor' or 'teacher'.
        data_preprocessor (dict | None): Applied to each domain by itself.
        pretrained, train_cfg (None): mmseg's ``init_model`` gives them; other values are refused.

    Attributes:
        active (set[str]): Names of the parts that take part in a step; see :class:`PhaseHook`.
        stepped (bool): Whether the last step has changed the weights.
        skip_nonfinite (bool): True: no error for a loss that is not finite.

    Raises:
        UserError: When a segmentor cannot return outputs, a name is taken, a part is for an output
            level that there is not; (in training) data are missing or a loss is not finite.
    """

    KINDS = ('heads', 'source_losses', 'target_losses', 'views')

    def __init__(
        self,
        segmentor: dict,
        heads: dict[str, dict] | None = None,
        source_losses: dict[str, dict] | None = None,
        target_losses: dict[str, dict] | None = None,
        teacher: dict | None = None,
        views: dict[str, dict] | None = None,
        evaluated: str = 'segmentor',
        data_preprocessor: dict | None = None,
        pretrained: None = None,
        train_cfg: None = None,
    ):
        super().__init__(data_preprocessor=data_preprocessor)
        if pretrained or train_cfg:
            raise UserError(
                'model.pretrained and model.train_cfg belong to the segmentor: set '
                'model.segmentor.backbone.init_cfg or model.segmentor.train_cfg'
            )
        self.segmentor = build_segmentor(segmentor)
        self.teacher = None
        self.evaluated = evaluated
        self.active, self.names = set(), {}
        self.stepped, self.skip_nonfinite = True, False
        for kind, parts in zip(self.KINDS, (heads, source_losses, target_losses, views)):
            parts = {name: cfg for name, cfg in (parts or {}).items() if cfg is not None}
            self.names[kind] = tuple(parts)
            for name, cfg in parts.items():
                self.add_part(name, MODELS.build(cfg))
        for name in self.names['heads']:
            getattr(self, name).name = name.removesuffix('_head')
        if teacher:
            self.teacher = MODELS.build(teacher, default_args=dict(segmentor=self.segmentor))
        check_choice('evaluated', evaluated, ('segmentor', 'teacher'))
        if evaluated == 'teacher' and not teacher:
            raise UserError(
                "model.evaluated='teacher', but the model has no teacher; evaluate the segmentor, "
                'or use the config of a method with model.teacher'
            )

    def add_part(self, name: str, part: nn.Module) -> None:
        """Make a part a child, if the segmentor has the output levels that it is for."""
        if hasattr(self, name) or name in self.KINDS or not name.isidentifier():
            raise UserError(
                f'model: a part cannot be called "{name}"; choose another name, which no other '
                'part has'
            )
        levels = self.segmentor.decode_heads()
        for level in getattr(part, 'levels', ()):
            if level not in levels:
                raise UserError(
                    f'model: {name} is for the output level "{level}", but the segmentor has only '
                    f'{", ".join(levels)}; take it out of loss_weights, or add an auxiliary_head'
                )
        self.add_module(name, part)
        self.active.add(name)

    def parts(self, kind: str) -> dict[str, nn.Module]:
        """Return the active parts of a kind (one of ``KINDS``) by name."""
        return {name: getattr(self, name) for name in self.names[kind] if name in self.active}

    def train_step(self, data: dict, optim_wrapper: OptimWrapperDict) -> dict[str, Tensor]:
        """Make one update of the segmentor and of every active part that has an optimizer.

        Args:
            data: ``source`` and, if anything uses it, ``target``: batches of ``inputs`` and
                ``data_samples``.
            optim_wrapper: An optimizer for ``segmentor`` and for each part with parameters.

        Returns:
            Detached scalars to log.
        """
        batches = self.preprocess(data)
        if self.teacher:
            self.teacher.before_step(self.segmentor)
        source, logs = self.learn(batches['source'], optim_wrapper, 'seg', 'source_losses')
        if self.parts('heads') or self.parts('target_losses'):
            merge(logs, self.adapt(batches['target'], source, optim_wrapper))
        merge(logs, self.learn_views(batches, optim_wrapper))
        logs = self.update(logs, optim_wrapper)
        if self.teacher:
            self.teacher.after_step(self.segmentor)
        return logs

    def uses_target(self) -> bool:
        """Return whether an active part needs the target's images."""
        return any(self.parts(kind) for kind in ('heads', 'target_losses', 'views'))

    def preprocess(self, data: dict) -> dict[str, ImageBatch]:
        """Return the images of each domain that this step uses."""
        batches = {}
        for domain in ('source', 'target') if self.uses_target() else ('source',):
            if domain not in data:
                raise UserError(
                    f'the training data has no "{domain}" images, but this method needs them: give '
                    f'train_dataloader.dataset a {domain} data set'
                )
            batch = self.data_preprocessor(data[domain], True)
            batches[domain] = ImageBatch.from_data(batch['inputs'], batch['data_samples'])
        return batches

    def learn(
        self,
        batch: ImageBatch,
        optim_wrapper: OptimWrapperDict,
        name: str,
        further_losses: str | None = None,
    ) -> tuple[Outputs, dict[str, Tensor]]:
        """Learn labelled images, and backpropagate.

        Args:
            batch: With labels.
            optim_wrapper: See :meth:`train_step`.
            name: The supervised losses are called ``loss_<name>_<level>``.
            further_losses: The kind of the parts that add losses.

        Returns:
            The outputs and the losses, detached.
        """
        if batch.labels is None:
            raise UserError(
                'the source images have no labels: add LoadTrainIds to their pipeline'
                if name == 'seg'
                else f'the view {name} gives images without labels; an ImageBatch with labels was '
                'expected'
            )
        optimizer = optim_wrapper['segmentor']
        with optimizer.optim_context(self.segmentor):
            outputs = self.segmentor(batch, mode='outputs')
            supervised = self.segmentor.supervised(outputs)
            losses = {f'loss_{name}_{level}': loss for level, loss in supervised.items()}
            for part in self.parts(further_losses).values() if further_losses else ():
                merge(losses, part(outputs))
        return outputs.detach(), backward(losses, optimizer, f'the images of {name}')

    def adapt(
        self, batch: ImageBatch, source: Outputs, optim_wrapper: OptimWrapperDict
    ) -> dict[str, Tensor]:
        """Forward the target, let every head compare the domains, and backpropagate."""
        optimizer = optim_wrapper['segmentor']
        with optimizer.optim_context(self.segmentor):
            target = self.segmentor(batch, mode='outputs')
        losses, logs = {}, {}
        for name in self.parts('heads'):
            fooled, own = self.compare(name, source, target, optim_wrapper)
            merge(losses, fooled)
            merge(logs, own)
        with optimizer.optim_context(self.segmentor):
            for part in self.parts('target_losses').values():
                merge(losses, part(target))
        merge(logs, backward(losses, optimizer, 'heads and target_losses'))
        logs['entropy_target'] = mean_entropy(target.logits['decode'].detach())
        return logs

    def compare(
        self, name: str, source: Outputs, target: Outputs, optim_wrapper: OptimWrapperDict
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Let a head compare the domains, and backpropagate its own loss.

        Returns:
            The segmentor's losses, to be backpropagated, and the head's own, detached.
        """
        has_own = name in optim_wrapper  # a head without parameters learns nothing
        with optim_wrapper[name if has_own else 'segmentor'].optim_context(self):
            fooled, own = getattr(self, name)(source, target)
        return fooled, backward(own, optim_wrapper[name], name) if has_own else detach(own)

    def learn_views(
        self, batches: dict[str, ImageBatch], optim_wrapper: OptimWrapperDict
    ) -> dict[str, Tensor]:
        """Learn the images that each view makes; one forward pass of the teacher serves all."""
        teacher, logs = cache(self.teacher.label) if self.teacher else None, {}
        for name, view in self.parts('views').items():
            with optim_wrapper['segmentor'].optim_context(self.segmentor):
                batch = view(batches, teacher)
            _, losses = self.learn(batch, optim_wrapper, name)
            merge(logs, losses)
        return logs

    def update(self, logs: dict[str, Tensor], optim_wrapper: OptimWrapperDict) -> dict[str, Tensor]:
        """Let the optimizers of the segmentor and of the active parts step, all or none."""
        logs = on_cpu(logs)
        active = {'segmentor', *self.active}
        optimizers = [optimizer for name, optimizer in optim_wrapper.items() if name in active]
        self.stepped = update(optimizers, logs, self.skip_nonfinite)
        return logs

    def forward(self, inputs, data_samples=None, mode: str = 'tensor'):
        """Run the evaluated network, as validation and testing do; see mmseg's ``forward``."""
        return self.network(inputs, data_samples, mode=mode)

    @property
    def network(self) -> nn.Module:
        """The segmentor that is evaluated: the trained one or the teacher's."""
        return self.segmentor if self.evaluated == 'segmentor' else self.teacher.segmentor


def build_segmentor(cfg: dict) -> nn.Module:
    """Build a segmentor that has ``mode='outputs'``."""
    if cfg.get('type') == 'EncoderDecoder':
        cfg = {**cfg, 'type': 'MultiOutputEncoderDecoder'}
    segmentor = MODELS.build(cfg)
    if not hasattr(segmentor, 'outputs'):
        raise UserError(
            f'model.segmentor is a {type(segmentor).__name__}, which cannot return the logits of '
            'every head; use MultiOutputEncoderDecoder, which takes the options of EncoderDecoder'
        )
    return segmentor


def mean_entropy(logits: Tensor) -> Tensor:
    """Return the mean entropy of maps in [0, 1], for the log, from a sixteenth of their pixels."""
    return entropy_map(logits[:, :, ::4, ::4]).sum(dim=1).mean()
