#include "launcher/config/config_from_node.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>
#include <variant>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "launcher/config/config_keys.h"
#include "launcher/config/yaml_scalar.h"
#include "launcher/env/integer.h"
#include "launcher/env/mixed_precision.h"
#include "launcher/env/open_number.h"
#include "launcher/env/truth_value.h"
#include "launcher/names/nearest_name.h"
#include "launcher/text/printable.h"

namespace accelerate::launcher {
namespace {

using Kind = ConfigNode::Kind;

// For a message.
std::string describe(const ConfigNode& node) {
  switch (node.kind) {
    case Kind::kNull:
      return "nothing";
    case Kind::kList:
      return "a list";
    case Kind::kMap:
      return "a section of keys";
    default:
      return printable(node.text);
  }
}

std::string quoted_key(const std::string& key) {
  return is_key_word(key) ? absl::StrCat("`", key, "`") : printable(key);
}

// What follows "`key` is wrong": the likely name, or `otherwise`.
std::string suggestion(const std::string& text, const std::vector<std::string>& names,
                       const std::string& otherwise) {
  const std::optional<std::string> nearest = nearest_name_of_many(text, names);
  return nearest.has_value() ? absl::StrCat("; did you mean `", *nearest, "`?") : otherwise;
}

bool is_scalar(const ConfigNode& node) {
  return node.kind != Kind::kNull && node.kind != Kind::kList && node.kind != Kind::kMap;
}

// Whether the value asks for nothing: what `accelerate config` writes where a feature is not used.
bool is_idle(const ConfigNode& node) {
  switch (node.kind) {
    case Kind::kNull:
      return true;
    case Kind::kBoolean:
      return section_text(node) == "false";
    case Kind::kString:
      return node.text.empty() || absl::EqualsIgnoreCase(node.text, "no") ||
             absl::EqualsIgnoreCase(node.text, "false");
    case Kind::kList:
    case Kind::kMap:
      return std::all_of(node.children.begin(), node.children.end(), is_idle);
    default:
      return false;
  }
}

// The same for a value of a key that means nothing here.
bool is_default(const ConfigNode& node) {
  if (is_idle(node)) return true;
  return node.key == "main_training_function" && node.text == "main";
}

class Filler {
 public:
  Filler(const ConfigNode& document, LaunchConfig& config) : document_(document), config_(config) {
    const ConfigNode* environment = find("compute_environment");
    is_for_sagemaker_ = environment != nullptr &&
                        environment->text == to_string(ComputeEnvironment::kAmazonSagemaker);
  }

  ConfigRemarks fill() {
    for (const ConfigNode& node : document_.children) {
      fill_key(node);
      warn_of_replaced(node);
    }
    convert_fp16();
    convert_dynamo_backend();
    if (is_for_sagemaker_) {
      warn(*find("compute_environment"),
           "`compute_environment: AMAZON_SAGEMAKER` and the keys that belong to it have no effect "
           "here and are ignored; write LOCAL_MACHINE to train on this machine.");
    }
    const ConfigNode* type = find("distributed_type");
    if (type == nullptr || type->kind == Kind::kNull) {
      remarks_.errors.push_back({0,
                                 "A `distributed_type` must be specified in the config file; "
                                 "add for example `distributed_type: MULTI_GPU`, or 'NO' for "
                                 "one process."});
    }
    return std::move(remarks_);
  }

 private:
  const ConfigNode* find(const std::string& key) const {
    for (const ConfigNode& node : document_.children) {
      if (node.key == key) return &node;
    }
    return nullptr;
  }

  void error(const ConfigNode& node, const std::string& text) {
    remarks_.errors.push_back({node.line, text});
  }
  void warn(const ConfigNode& node, const std::string& text) {
    remarks_.warnings.push_back({node.line, text});
  }
  void wrong(const ConfigNode& node, const std::string& takes, const std::string& remedy) {
    error(node,
          absl::StrCat("`", node.key, "` takes ", takes, ", not ", describe(node), "; ", remedy));
  }
  void warn_of_no_use(const ConfigNode& node) {
    if (is_for_sagemaker_) return;
    warn(node, absl::StrCat("`", node.key,
                            "` has no effect here and is ignored; remove it to silence this."));
  }

  void warn_of_replaced(const ConfigNode& node) {
    if (node.replaced_line != 0) {
      warn(node, absl::StrCat(quoted_key(node.key), " is also on line ", node.replaced_line,
                              "; the last one counts. Remove one of them."));
    }
    for (const ConfigNode& child : node.children) warn_of_replaced(child);
  }

  void fill_key(const ConfigNode& node) {
    const ConfigKey* key = find_config_key(node.key);
    if (key == nullptr) {
      if (is_converted_key(node.key)) return;
      if (!is_obsolete_key(node.key)) return refuse_key(node);
      if (!is_idle(node)) warn_of_no_use(node);
      return;
    }
    if (node.kind == Kind::kNull) return;
    if (key->use == KeyUse::kSagemaker) {
      std::optional<std::string> text;
      set(*key, node, text);
      if (text.has_value()) config_.sagemaker[node.key] = *text;
    } else {
      std::visit([&](auto member) { set(*key, node, config_.*member); }, key->member);
    }
    if (key->use != KeyUse::kLaunch && !is_default(node)) warn_of_no_use(node);
  }

  void refuse_key(const ConfigNode& node) {
    if (is_flag_only(node.key)) {
      error(node, absl::StrCat("`", node.key, "` is a flag, not a key of a config file; remove it ",
                               "and pass --", node.key, "."));
    } else {
      error(node, absl::StrCat(quoted_key(node.key), " is not a key of a config file",
                               suggestion(node.key, config_key_names(), "; remove it.")));
    }
  }

  // One of the words that stand for the enumerators.
  template <class Enum>
  void set_choice(const ConfigNode& node, std::optional<Enum> choice,
                  const std::vector<std::string>& words, std::optional<Enum>& member) {
    member = choice;
    if (choice.has_value() && is_scalar(node)) return;
    error(node, absl::StrCat("`", node.key, "`: ", describe(node), " is not valid",
                             suggestion(node.text, words, "."), " It takes one of ",
                             absl::StrJoin(words, ", "), "."));
  }
  void set(const ConfigKey&, const ConfigNode& node, std::optional<ComputeEnvironment>& member) {
    set_choice(node, find_compute_environment(node.text), compute_environment_words(), member);
  }
  void set(const ConfigKey&, const ConfigNode& node, std::optional<DistributedType>& member) {
    set_choice(node, find_distributed_type(node.text), distributed_type_words(), member);
  }
  void set(const ConfigKey&, const ConfigNode& node, std::optional<MixedPrecision>& member) {
    set_choice(node, find_mixed_precision(node.text), mixed_precision_words(), member);
  }

  std::optional<bool> truth_value(const ConfigNode& node) {
    const absl::StatusOr<bool> value = parse_truth_value(node.key, node.text);
    if (is_scalar(node) && value.ok()) return *value;
    wrong(node, "true or false",
          absl::StrCat("write `", node.key, ": true` or `", node.key, ": false`."));
    return std::nullopt;
  }
  void set(const ConfigKey&, const ConfigNode& node, std::optional<bool>& member) {
    member = truth_value(node);
  }

  void set(const ConfigKey& key, const ConfigNode& node, std::optional<int>& member) {
    const std::string text = section_text(node);
    if (key.name == "num_processes" && text == "-1") return;
    const absl::StatusOr<int> number =
        parse_integer(text, {.minimum = key.minimum, .maximum = key.maximum});
    if (number.ok() && (node.kind == Kind::kInteger || node.kind == Kind::kString)) {
      member = *number;
      return;
    }
    const bool any = key.maximum == ConfigKey().maximum;
    const int example = key.name == "main_process_port" ? 29500 : key.minimum;
    wrong(node,
          absl::StrCat("a whole number ", any ? "of at least " : "from ", key.minimum,
                       any ? "" : absl::StrCat(" to ", key.maximum)),
          key.name == "num_processes" && is_open_number(text)
              ? absl::StrCat("write it out, or remove the line and pass --num_processes: `", text,
                             "` is a value for torchrun.")
              : absl::StrCat("write for example `", node.key, ": ", example, "`."));
  }

  void set(const ConfigKey& key, const ConfigNode& node, std::optional<std::string>& member) {
    if (key.name == "downcast_bf16") {
      if (truth_value(node).has_value()) member = section_text(node);
    } else if (!is_scalar(node) || node.kind == Kind::kBoolean) {
      wrong(node, "a text",
            key.name == "gpu_ids" ? "write for example `gpu_ids: 0,1`, or `gpu_ids: all`."
                                  : "put it in quotes if it is meant to be one.");
    } else if (!node.text.empty() || key.use != KeyUse::kLaunch) {
      member = node.text;
    }
  }

  void set(const ConfigKey&, const ConfigNode& node,
           std::optional<std::vector<std::string>>& member) {
    if (node.kind != Kind::kList ||
        !std::all_of(node.children.begin(), node.children.end(), is_scalar)) {
      wrong(node, "a list of texts", absl::StrCat("write `", node.key, ": [one, two]`."));
      return;
    }
    member.emplace();
    for (const ConfigNode& item : node.children) member->push_back(item.text);
  }

  void set(const ConfigKey& key, const ConfigNode& node, ConfigSection& section) {
    if (node.kind != Kind::kMap) {
      wrong(node, "a section of keys",
            "write each key on a line of its own below it, further to the right.");
      return;
    }
    const std::vector<std::string> known = section_key_names(key.name);
    for (const ConfigNode& child : node.children) {
      if (!is_key_word(child.key)) {
        error(child, absl::StrCat("`", key.name, "` has the key ", printable(child.key),
                                  ", which is not a name; correct or remove it."));
        continue;
      }
      const std::string long_key = long_section_key(key.name, child.key);
      if (!known.empty() && std::find(known.begin(), known.end(), long_key) == known.end()) {
        const std::string meant = suggestion(long_key, known, "");
        warn(child, absl::StrCat("`", key.name, "` has no key `", child.key, "`", meant,
                                 meant.empty() ? "; it" : " It",
                                 " is passed on to Python programs as it is."));
      }
      if (child.kind == Kind::kNull) continue;
      if (const auto text = section_value(key.name, child)) section[child.key] = *text;
    }
  }

  std::optional<std::string> section_value(const std::string& section, const ConfigNode& node) {
    if (is_scalar(node)) return section_text(node);
    if (node.kind == Kind::kList && is_section_list(section, node.key) &&
        std::all_of(node.children.begin(), node.children.end(),
                    [](const ConfigNode& item) { return item.kind == Kind::kBoolean; })) {
      return absl::StrJoin(node.children, ",", [](std::string* out, const ConfigNode& item) {
        absl::StrAppend(out, section_text(item));
      });
    }
    if (is_section_list(section, node.key)) {
      wrong(node, "a list of truth values", "write for example [false, false, false].");
    } else {
      wrong(node, "a single value", "write several as one text, joined by commas.");
    }
    return std::nullopt;
  }

  void convert_fp16() {
    const ConfigNode* node = find("fp16");
    if (node == nullptr || node->kind == Kind::kNull) return;
    const std::optional<bool> fp16 = truth_value(*node);
    if (fp16 == true && find("mixed_precision") == nullptr) {
      config_.mixed_precision = MixedPrecision::kFp16;
    }
  }

  void convert_dynamo_backend() {
    const ConfigNode* node = find("dynamo_backend");
    if (node == nullptr) return;
    if (node->kind == Kind::kList || node->kind == Kind::kMap) {
      return wrong(*node, "the name of a backend", "write for example `dynamo_backend: INDUCTOR`.");
    }
    config_.dynamo_config.clear();
    if (is_idle(*node)) return;
    config_.dynamo_config["dynamo_backend"] = section_text(*node);
  }

  const ConfigNode& document_;
  LaunchConfig& config_;
  bool is_for_sagemaker_ = false;
  ConfigRemarks remarks_;
};

}  // namespace

ConfigRemarks fill_from_node(const ConfigNode& document, LaunchConfig& config) {
  return Filler(document, config).fill();
}

}  // namespace accelerate::launcher
