import runpy
import signal

if __name__ == '__main__':
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # no traceback of Ctrl-C while the libraries load
    runpy.run_module('mmseg_gl.cli.publish', run_name='__main__')
