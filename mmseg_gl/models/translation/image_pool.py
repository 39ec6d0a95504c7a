import torch
from torch import Tensor, nn

from mmseg_gl.errors import UserError
from mmseg_gl.models.random_draws import next_generator, register_seed


class ImagePool(nn.Module):
    """History of translated images for training a discriminator (Shrivastava et al. 2017).

    Until it is full, the pool stores and returns every image. From then on it returns the image
    unchanged with probability 1/2; otherwise the image replaces a random one of the pool, which is
    returned (CycleGAN's ``ImagePool``).

    To resume exactly, the pool keeps its images in a buffer, which is empty before the first use
    and takes the size of the loaded one, and its random choices depend on a second buffer,
    initialised at random and incremented with each use, and on the rank. With several processes,
    each has its own pool, and that of the first process is saved.

    Args:
        size: Number of images, 50 in the papers; with 0 every image is returned unchanged.

    Raises:
        UserError: For a size that is not a whole number >= 0.
    """

    images: Tensor
    seed: Tensor

    def __init__(self, size: int = 50) -> None:
        super().__init__()
        if not isinstance(size, int) or size < 0:
            raise UserError(f'pool_size={size!r}: expected a whole number >= 0')
        self.size = size
        self.register_buffer('images', torch.empty(0))
        register_seed(self)

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        """Exchange a batch of images with the pool.

        Args:
            images: (N, 3, H, W), of one size in all calls.

        Returns:
            (N, 3, H, W), detached; new and old images.

        Raises:
            UserError: When the pool holds images of another size.
        """
        if self.size == 0:
            return images.detach()
        if len(self.images) and self.images.shape[1:] != images.shape[1:]:
            sizes = ['x'.join(map(str, x.shape[:1:-1])) for x in (self.images, images)]
            raise UserError(
                f'the image pool holds images of {sizes[0]}, but got one of {sizes[1]}: crop or '
                'resize all training images to one size'
            )
        generator = next_generator(self.seed)
        return torch.stack([self.exchange(image, generator) for image in images])

    def exchange(self, image: Tensor, generator: torch.Generator) -> Tensor:
        if len(self.images) < self.size:
            self.images = torch.cat([self.images, image[None]]) if len(self.images) else image[None]
            return image
        if torch.rand((), generator=generator) <= 0.5:
            return image
        place = int(torch.randint(len(self.images), (), generator=generator))
        old = self.images[place].clone()
        self.images[place] = image
        return old

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args) -> None:
        stored = state_dict.get(f'{prefix}images')
        if stored is not None:
            self.images = torch.empty_like(stored, device=self.images.device)
        super()._load_from_state_dict(state_dict, prefix, *args)
