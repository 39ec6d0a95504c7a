from mmseg_gl.models.segmentors.hrda_encoder_decoder import HRDAEncoderDecoder
from mmseg_gl.models.segmentors.multi_output_encoder_decoder import MultiOutputEncoderDecoder
from mmseg_gl.models.segmentors.uda_segmentor import UDASegmentor

__all__ = ['HRDAEncoderDecoder', 'MultiOutputEncoderDecoder', 'UDASegmentor']
