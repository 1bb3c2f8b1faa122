// What examples of launcher/config take as given.

// ---- config_from_node.h
extern const ConfigNode document;
int refuse(const std::vector<ConfigRemark>& errors);
// ---- config_keys.h
void warn(const std::string& name);
// ---- config_testing.h
void check(const std::string& name, const std::string& text);
// ---- merge_configs.h
extern const LaunchConfig from_flags, from_file;
// ---- yaml_scalar.h
void add_quotes();
