// What examples of formats/tokens take as given.
// ---- little_endian.h
#include "formats/files/mapped_file.h"
extern MappedFile file;
// ---- llm_c_header.h
#include "formats/files/mapped_file.h"
extern MappedFile file;
// ---- token_writer.h
extern std::vector<std::uint16_t> tokens;
