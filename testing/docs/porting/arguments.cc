// A program whose own parser reads its flags.
#include <getopt.h>

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

#include "accelerate/accelerate.h"

struct Options {
  int epochs = 5;
  double lr = 1e-2;
};

Options parse(int argc, char** argv) {
  const option flags[] = {
      {"epochs", required_argument, nullptr, 'e'}, {"lr", required_argument, nullptr, 'l'}, {}};
  Options options;
  for (int flag = 0; (flag = getopt_long(argc, argv, "", flags, nullptr)) != -1;) {
    if (flag == 'e') {
      options.epochs = std::atoi(optarg);
    } else if (flag == 'l') {
      options.lr = std::atof(optarg);
    } else {
      throw std::invalid_argument("the flags are --epochs=N and --lr=RATE");
    }
  }
  return options;
}

template <class Accelerator>
void train(Accelerator& accelerator, const std::vector<std::string>& arguments) {
  std::vector<std::string> words = {"my_program"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const Options options = parse(static_cast<int>(words.size()), argv.data());
  accelerator.print("epochs ", options.epochs, ", lr ", options.lr);
}

ACCELERATE_MAIN(train)
