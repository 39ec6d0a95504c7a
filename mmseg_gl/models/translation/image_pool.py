import torch
from torch import nn

from mmseg_gl.errors import UserError
from mmseg_gl.models.random_draws import next_generator, register_seed


class ImagePool(nn.Module):
    """A history of translated images from which a discriminator learns (Shrivastava et al. 2017).

    Until it is full the pool keeps and returns every image. From then on an image is returned
    itself, or, with probability 1/2, takes the place of a random one of the pool, which is returned
    in its stead (CycleGAN's ``ImagePool``).

    The images are a buffer that is empty before the first use and takes the size of what it is
    loaded from; the choices follow from another buffer, drawn at random once and counted up from
    then on, and from the rank. So the pool resumes. With several processes each has a pool of its
    own, of which the first process's is saved.

    Args:
        size (int): Number of images, 50 in the papers; 0 returns every image itself.

    Raises:
        UserError: For a size that is not a whole number >= 0.
    """

    def __init__(self, size=50):
        super().__init__()
        if not isinstance(size, int) or size < 0:
            raise UserError(f'pool_size={size!r}: expected a whole number >= 0')
        self.size = size
        self.register_buffer('images', torch.empty(0))
        register_seed(self)

    @torch.no_grad()
    def forward(self, images):
        """Exchange a batch of images with the pool.

        Args:
            images (Tensor): (N, 3, H, W), of one size in all calls.

        Returns:
            Tensor: (N, 3, H, W), detached; new and old images.

        Raises:
            UserError: When the pool holds images of another size.
        """
        if self.size == 0:
            return images.detach()
        if len(self.images) and self.images.shape[1:] != images.shape[1:]:
            sizes = ['x'.join(map(str, x.shape[:1:-1])) for x in (self.images, images)]
            raise UserError(
                f'the image pool holds images of {sizes[0]}, but one of {sizes[1]} came: crop or '
                'resize all training images to one size'
            )
        generator = next_generator(self.seed)
        return torch.stack([self.exchange(image, generator) for image in images])

    def exchange(self, image, generator):
        if len(self.images) < self.size:
            self.images = torch.cat([self.images, image[None]]) if len(self.images) else image[None]
            return image
        if torch.rand((), generator=generator) <= 0.5:
            return image
        place = torch.randint(len(self.images), (), generator=generator).item()
        old = self.images[place].clone()
        self.images[place] = image
        return old

    def _load_from_state_dict(self, state_dict, prefix, *args):
        stored = state_dict.get(f'{prefix}images')
        if stored is not None:
            self.images = torch.empty_like(stored, device=self.images.device)
        super()._load_from_state_dict(state_dict, prefix, *args)
