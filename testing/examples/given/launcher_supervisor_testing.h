// What examples of launcher/supervisor/testing take as given.
#include "gtest/gtest.h"
#include "testing/subprocess/subprocess.h"

extern Subprocess program;
