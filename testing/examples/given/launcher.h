// What examples of launcher take as given: values that somebody else has made, and functions of the
// reader's own.
#include <fcntl.h>
#include <unistd.h>

#include <iostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "launcher/plan/command.h"
#include "launcher/plan/launch_plan.h"
#include "launcher/request/launch_request.h"

extern int argc;
extern char** argv;
extern std::vector<std::string> words;
extern std::string path;
extern std::string text;
extern launcher::LaunchConfig config;
extern launcher::LaunchRequest request;
extern launcher::LaunchPlan plan;
extern launcher::Command command;

int fail(const absl::Status& status);
int train();
template <class... Values>
void use(const Values&... values);
