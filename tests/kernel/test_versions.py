"""The kernels that are tested are the ones that we say."""

from importlib.metadata import version

from tests.support import OLD_KERNEL

VERSIONS = "[__import__('importlib.metadata').metadata.version(n) for n in {names}]"


def test_kernel_is_the_one_that_is_meant(shared_kernel, kernel_python):
    names = ["ipykernel", "ipython"]
    found = shared_kernel.value(VERSIONS.format(names=names))
    if kernel_python == OLD_KERNEL:
        assert found[0].startswith("6.31.")
        assert found[1].startswith("8.20.")
    else:
        assert found == [version(name) for name in names]
        assert int(found[0].partition(".")[0]) >= 7


def test_package_is_the_one_that_is_tested(shared_kernel):
    import grok_nb

    assert shared_kernel.value("__import__('grok_nb').__file__") == grok_nb.__file__
