// What examples of formats/checkpoints/testing take as given.
// ---- signed_commit.h
#include "formats/checkpoints/commit.h"
extern Commit commit;
