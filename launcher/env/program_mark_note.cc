#include "launcher/env/program_mark.h"

namespace accelerate::launcher {

// The linker keeps sections of notes, and the loader never touches this one.
extern const ProgramMark program_mark;
[[gnu::used, gnu::section(".note.accelerate"), gnu::aligned(4)]] const ProgramMark program_mark;

}  // namespace accelerate::launcher
