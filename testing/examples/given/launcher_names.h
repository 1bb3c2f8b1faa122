// What examples of launcher/names take as given.

// ---- flag_words.h
struct Flag;
extern std::string word;
extern const Flag* flag;
extern bool lacks_its_value;
const Flag* find(const std::string& name);
