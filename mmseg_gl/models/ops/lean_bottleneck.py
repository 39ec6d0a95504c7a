from mmseg.models.backbones.resnet import Bottleneck

from mmseg_gl.models.ops.norm_relu_conv import norm_relu_conv


class LeanBottleneck(Bottleneck):
    """mmseg's Bottleneck, same results, with ten instead of twelve maps kept for backpropagation.

    In units of its planes: the block's input (4) and the outputs of its three convolutions (1, 1
    and 4); not the inputs of the second and third one, see :func:`norm_relu_conv`.
    """

    def forward(self, x):
        if self.with_cp or self.with_plugins:
            return super().forward(x)
        out = norm_relu_conv(self.conv1(x), self.norm1, self.conv2)
        out = norm_relu_conv(out, self.norm2, self.conv3)
        out = self.norm3(out)
        out += x if self.downsample is None else self.downsample(x)
        return self.relu(out)
