// What examples of formats/tokens/testing take as given.
extern std::string folder;
