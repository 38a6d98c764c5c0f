"""What Blender is started with: runs the test modules named behind `--`, and fails when one of their tests does.

`TABLAO_TEST_GATEWAY` is the address of a gateway, `TABLAO_TEST_FOLDER` a folder that is thrown away. The add-on is the one beside
these tests, unless `TABLAO_TEST_MODULE` names one that is installed.
"""

import faulthandler
import sys
import unittest
from pathlib import Path

faulthandler.enable()
sys.dont_write_bytecode = True
ADDON = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ADDON))

if __name__ == "__main__":
    names = sys.argv[sys.argv.index("--") + 1 :]
    suite = unittest.defaultTestLoader.loadTestsFromNames([f"tests.blender.{name}" for name in names])
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(suite)
    if not result.wasSuccessful() or result.testsRun == 0:
        raise SystemExit("Tests failed.")
