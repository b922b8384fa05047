"""``python -m gradpen``."""

import sys

from gradpen.cli import main

sys.exit(main())
