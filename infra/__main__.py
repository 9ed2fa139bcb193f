"""`python -m infra`."""

import gc
import os
import sys

gc.disable()  # a check lives for a tenth of a second, a fifth of which would go into looking for garbage
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # looking for plugins reads every installed package

from infra.cli import main  # noqa: E402

sys.exit(main())
