"""The packages: configs/ of the repository is mmseg_gl/configs/ of the installed package."""

from setuptools import find_namespace_packages, find_packages, setup

configs = ['configs', *(f'configs.{name}' for name in find_namespace_packages('configs'))]
setup(
    packages=[*find_packages(include=['mmseg_gl*']), *(f'mmseg_gl.{name}' for name in configs)],
    package_dir={'mmseg_gl.configs': 'configs'},
    package_data={f'mmseg_gl.{name}': ['*.md', '*.yaml'] for name in configs},
    py_modules=['mmseg_gl_command'],
)
