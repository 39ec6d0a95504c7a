from mmseg_gl.engine import hooks, optimizers, uda_distributed_data_parallel

__all__ = ['hooks', 'optimizers', 'uda_distributed_data_parallel']
