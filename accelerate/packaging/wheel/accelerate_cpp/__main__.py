import sys

from accelerate_cpp.command import main

sys.exit(main(sys.argv[1:]))
