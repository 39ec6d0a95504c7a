from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

from mmengine.model import BaseModel
from mmengine.optim import OptimWrapperDict
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmseg_gl.errors import UserError, check_choice
from mmseg_gl.models.building import build_part, build_segmentor
from mmseg_gl.models.image_batch import ImageBatch
from mmseg_gl.models.normalization import Normalization
from mmseg_gl.models.outputs import Outputs
from mmseg_gl.models.representations import entropy_map
from mmseg_gl.models.step import (
    backward,
    copied_statistics,
    detach,
    kept_statistics,
    merge,
    on_cpu,
    update,
)


@MODELS.register_module()
class UDASegmentor(BaseModel):
    """Segmentor plus the parts that adapt it, with the training step of all adaptation methods.

    ::

        0. the teacher follows the segmentor
        1. source -> segmentor -> supervised losses + source losses              -> backward
        2. target -> segmentor -> each head sees both domains: its own loss      -> backward
                               -> fool the heads + target losses                 -> backward
        3. each view makes labelled images -> segmentor -> supervised losses     -> backward
        4. all optimizers step, or none of them if a loss is not finite

    The parts see the :class:`Outputs` of each forward pass and nothing else. Domains and views are
    forwarded and backpropagated one after the other: batch norm sees one at a time, as in the
    official implementations, and the graph of one is freed before that of the next is built. An
    inactive part costs nothing. Without an active head or target loss no target image is forwarded
    (it would change the batch norm statistics).

    Every part is a child of the model under its own name: its optimizer is ``optim_wrapper.NAME``
    and its keys in a checkpoint start with ``NAME.``.

    Args:
        segmentor: Config of a segmentor with ``mode='outputs'``, i.e. a
            :class:`MultiOutputEncoderDecoder`; mmseg's EncoderDecoder is built as one.
        heads: Configs, by name, of the heads that align the domains. A head is called with the
            outputs of the source (detached) and the target, and returns losses for the segmentor
            and, if it has parameters, losses of its own (:class:`BaseDiscriminatorHead`).
        source_losses, target_losses: Configs, by name, of further losses on one domain. A loss is
            called with the outputs of the domain and returns a dict of scalars: ``loss_*``, and
            others to log.
        teacher: Config of the network that labels images for the views (:class:`EMATeacher`).
        views: Configs, by name, of the views, which make labelled images. A view is called with the
            batches of both domains, ``dict(source=, target=)``, and with a function in which the
            teacher labels a batch (:meth:`EMATeacher.label`), and returns an :class:`ImageBatch`.
        aligned: Images whose outputs the heads compare with the source's: 'target' (default), which
            costs a forward pass of its own unless there are target losses, or the name of a view.
            Of a ClassMix view, the local head takes the pixels of the target.
        evaluated: Network for validation and testing: 'segmentor' or 'teacher'.
        running_statistics: Images whose passes update the running statistics of the segmentor's
            batch norm: 'all', as in the official codes (default), or 'target': not the source
            images, unless nothing else is forwarded.
        data_preprocessor: Config; applied to each domain separately.
        pretrained, train_cfg: Always None; mmseg's ``init_model`` passes them.

    Attributes:
        active: Names of the parts that are used in a step; see :class:`PhaseHook`.
        stepped: True if the last step changed the weights.
        skip_nonfinite: Skip a step with a loss that is not finite instead of raising an error.

    Raises:
        UserError: When the segmentor cannot return outputs, a name is taken, a part needs an output
            level that the segmentor does not have, or ``pretrained`` or ``train_cfg`` is given; in
            training, when data are missing or a loss is not finite.
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
        aligned: str = 'target',
        evaluated: str = 'segmentor',
        running_statistics: str = 'all',
        data_preprocessor: dict | None = None,
        pretrained: None = None,
        train_cfg: None = None,
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor)
        if pretrained or train_cfg:
            raise UserError(
                'model.pretrained and model.train_cfg belong to the segmentor: set '
                'model.segmentor.backbone.init_cfg or model.segmentor.train_cfg'
            )
        self.segmentor = build_segmentor(segmentor)
        self.teacher: Any = None
        self.evaluated = evaluated
        self.active: set[str] = set()
        self.names: dict[str, tuple[str, ...]] = {}
        self.stepped, self.skip_nonfinite = True, False
        for kind, parts in zip(self.KINDS, (heads, source_losses, target_losses, views)):
            parts = {name: cfg for name, cfg in (parts or {}).items() if cfg is not None}
            self.names[kind] = tuple(parts)
            for name, cfg in parts.items():
                self.add_part(name, build_part(cfg, self.segmentor))
        check_choice('aligned', aligned, ('target', *self.names['views']))
        self.aligned = aligned
        for name in self.names['heads']:
            getattr(self, name).name = name.removesuffix('_head')
        if teacher:
            self.teacher = build_part(teacher, self.segmentor)
        check_choice('running_statistics', running_statistics, ('all', 'target'))
        self.running_statistics = running_statistics
        check_choice('evaluated', evaluated, ('segmentor', 'teacher'))
        if evaluated == 'teacher' and not teacher:
            raise UserError(
                "model.evaluated='teacher', but the model has no teacher; evaluate the segmentor, "
                'or use the config of a method with model.teacher'
            )

    def add_part(self, name: str, part: nn.Module) -> None:
        """Add a part as a child.

        Raises:
            UserError: For a name that is taken or invalid, or an output level that the segmentor
                does not have.
        """
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
                    f'{", ".join(levels)}; remove it from loss_weights, or add an auxiliary_head'
                )
        self.add_module(name, part)
        self.active.add(name)

    def parts(self, kind: str) -> dict[str, nn.Module]:
        """Return the active parts of a kind (one of ``KINDS``) by name."""
        return {name: getattr(self, name) for name in self.names[kind] if name in self.active}

    def train_step(self, data: dict, optim_wrapper: OptimWrapperDict) -> dict[str, Tensor]:
        """Run one iteration: update the segmentor and all active parts that have an optimizer.

        Args:
            data: ``source`` and, if an active part uses it, ``target``: batches of ``inputs`` and
                ``data_samples``.
            optim_wrapper: Optimizers by name, for ``segmentor`` and each part with parameters.

        Returns:
            Detached scalars to log.
        """
        batches = self.preprocess(data)
        for teacher in self.teachers():
            teacher.before_step(self.segmentor)
        statistics = copied_statistics(self)
        with self.source_statistics():
            source, logs = self.learn(batches['source'], optim_wrapper, 'seg', 'source_losses')
        if self.heads_on('target') or self.parts('target_losses'):
            merge(logs, self.adapt(batches['target'], source, optim_wrapper))
        merge(logs, self.learn_views(batches, source, optim_wrapper))
        logs = self.update(logs, optim_wrapper)
        for buffer, before in () if self.stepped else statistics:
            buffer.copy_(before)
        for teacher in self.teachers():
            teacher.after_step(self.segmentor)
        return logs

    def teachers(self) -> list[nn.Module]:
        """Return the model's teacher and those of the active views, if any."""
        own = [getattr(view, 'teacher', None) for view in self.parts('views').values()]
        return [teacher for teacher in (self.teacher, *own) if teacher]

    def heads_on(self, images: str) -> dict[str, nn.Module]:
        """Return the active heads that compare the outputs of these images with the source's."""
        return self.parts('heads') if images == self.aligned else {}

    def uses_target(self) -> bool:
        """Return True if an active part needs target images."""
        return any(self.parts(kind) for kind in ('heads', 'target_losses', 'views'))

    def source_statistics(self) -> AbstractContextManager:
        """Return the context of the source's pass, which may keep the running statistics."""
        keep = self.running_statistics == 'target' and self.uses_target()
        return kept_statistics(self.segmentor) if keep else nullcontext()

    def preprocess(self, data: dict) -> dict[str, ImageBatch]:
        """Return the preprocessed batch of each domain that this step uses."""
        batches = {}
        for domain in ('source', 'target') if self.uses_target() else ('source',):
            if domain not in data:
                raise UserError(
                    f'the training data has no "{domain}" images, but this method needs them: give '
                    f'train_dataloader.dataset a {domain} data set'
                )
            batches[domain] = self.batch(data[domain])
        return batches

    def batch(self, data: dict) -> ImageBatch:
        """Return the preprocessed batch of one domain's ``inputs`` and ``data_samples``."""
        batch = self.data_preprocessor(data, True)
        return ImageBatch.from_data(
            batch['inputs'], batch['data_samples'], Normalization.of(self.data_preprocessor)
        )

    def learn(
        self,
        batch: ImageBatch,
        optim_wrapper: OptimWrapperDict,
        name: str,
        further_losses: str | None = None,
        source: Outputs | None = None,
    ) -> tuple[Outputs, dict[str, Tensor]]:
        """Backpropagate the supervised losses on labelled images.

        Args:
            batch: Images with labels.
            optim_wrapper: See :meth:`train_step`.
            name: Part of the names of the supervised losses, ``loss_<name>_<level>``.
            further_losses: Kind of the parts whose losses are added.
            source: Outputs for the source, for the heads that compare these images with it.

        Returns:
            The outputs and the losses, detached.

        Raises:
            UserError: When the images have no labels.
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
        logs: dict[str, Tensor] = {}
        if source is not None and self.heads_on(name):
            fooled, logs = self.align(source, outputs, optim_wrapper)
            merge(losses, fooled)
        merge(logs, backward(losses, optimizer, f'the images of {name}'))
        return outputs.detach(), logs

    def adapt(
        self, batch: ImageBatch, source: Outputs, optim_wrapper: OptimWrapperDict
    ) -> dict[str, Tensor]:
        """Backpropagate the losses of the heads and the target losses on a target batch."""
        optimizer = optim_wrapper['segmentor']
        with optimizer.optim_context(self.segmentor):
            target = self.segmentor(batch, mode='outputs')
        losses: dict[str, Tensor] = {}
        logs: dict[str, Tensor] = {}
        if self.heads_on('target'):
            losses, logs = self.align(source, target, optim_wrapper)
        with optimizer.optim_context(self.segmentor):
            for part in self.parts('target_losses').values():
                merge(losses, part(target))
        merge(logs, backward(losses, optimizer, 'heads and target_losses'))
        logs['entropy_target'] = mean_entropy(target.logits['decode'].detach())
        return logs

    def align(
        self, source: Outputs, target: Outputs, optim_wrapper: OptimWrapperDict
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Compute the losses of all heads and backpropagate their own; see :meth:`compare`."""
        losses: dict[str, Tensor] = {}
        logs: dict[str, Tensor] = {}
        for name in self.parts('heads'):
            fooled, own = self.compare(name, source, target, optim_wrapper)
            merge(losses, fooled)
            merge(logs, own)
        return losses, logs

    def compare(
        self, name: str, source: Outputs, target: Outputs, optim_wrapper: OptimWrapperDict
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Compute the losses of one head and backpropagate its own.

        Returns:
            The losses for the segmentor, not yet backpropagated, and those of the head, detached.
        """
        has_own = name in optim_wrapper  # a head without parameters learns nothing
        with optim_wrapper[name if has_own else 'segmentor'].optim_context(self):
            fooled, own = getattr(self, name)(source, target)
        return fooled, backward(own, optim_wrapper[name], name) if has_own else detach(own)

    def learn_views(
        self, batches: dict[str, ImageBatch], source: Outputs, optim_wrapper: OptimWrapperDict
    ) -> dict[str, Tensor]:
        """Learn the images of all views, which share one forward pass of the teacher."""
        teacher = cache(self.teacher.label) if self.teacher else None
        logs: dict[str, Tensor] = {}
        for name, view in self.parts('views').items():
            with optim_wrapper['segmentor'].optim_context(self.segmentor):
                batch = view(batches, teacher)
            _, losses = self.learn(batch, optim_wrapper, name, source=source)
            merge(logs, losses)
        return logs

    def update(self, logs: dict[str, Tensor], optim_wrapper: OptimWrapperDict) -> dict[str, Tensor]:
        """Step the optimizers of the segmentor and the active parts, all or none of them."""
        logs = on_cpu(logs)
        active = {'segmentor', *self.active}
        optimizers = [optimizer for name, optimizer in optim_wrapper.items() if name in active]
        self.stepped = update(optimizers, logs, self.skip_nonfinite)
        return logs

    def forward(
        self, inputs: Any, data_samples: list[SegDataSample] | None = None, mode: str = 'tensor'
    ) -> Any:
        """Run the evaluated network, for validation and testing; see mmseg's ``forward``."""
        results = self.network(inputs, data_samples, mode=mode)
        if mode == 'predict' and self.evaluated == 'teacher':
            for sample in results:
                upsampled = sample.get('upsampled', 'logits')
                sample.set_metainfo(dict(upsampled=f"the teacher's {upsampled}"))
        return results

    @property
    def network(self) -> Any:
        """The network to evaluate: the segmentor or its average in the teacher."""
        return self.segmentor if self.evaluated == 'segmentor' else self.teacher.segmentor


def mean_entropy(logits: Tensor) -> Tensor:
    """Return the mean normalised entropy, in [0, 1], of a sixteenth of the pixels, for the log."""
    return entropy_map(logits[:, :, ::4, ::4]).sum(dim=1).mean()
