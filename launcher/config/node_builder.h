// Builds a tree of ConfigNodes from what a parser meets, and holds it to the limits. Of a key that
// comes twice the last value counts, as in Python.
//
// Example:
//   NodeBuilder builder("my.json");
//   builder.begin({.kind = ConfigNode::Kind::kMap, .line = 1});
//   builder.add({.kind = ConfigNode::Kind::kString, .text = "debug", .line = 1});  // The key.
//   builder.add({.kind = ConfigNode::Kind::kBoolean, .text = "true", .line = 1});
//   builder.end();
//   absl::StatusOr<ConfigNode> document = builder.take();
//
// Not to make a tree by hand: those are aggregates.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "launcher/config/config_node.h"

namespace accelerate::launcher {

// Once a call has returned false or null, the first problem is kept and nothing more is built.
class NodeBuilder {
 public:
  explicit NodeBuilder(std::string path) : path_(std::move(path)) {}

  // A whole node, which in a map is in turn a key and its value.
  bool add(ConfigNode node);

  // A list or map, whose children are the nodes up to the call of end() that belongs to it.
  bool begin(ConfigNode node);

  // The list or map that ends; null after a problem. Valid until the next call.
  const ConfigNode* end();

  void fail(int line, const std::string& what);

  // Whether there is a document.
  bool is_complete() const { return is_complete_; }

  // The document, null where there was none, or the first problem as an InvalidArgument.
  absl::StatusOr<ConfigNode> take();

 private:
  // A list or map whose end is not there yet.
  struct Open {
    ConfigNode node;
    std::string key = "";  // Of the value that comes next.
    int replaced_line = 0;
    bool has_key = false;
  };

  bool set_key(Open& map, const ConfigNode& node);
  bool too_deep(const ConfigNode& node);  // Always false.

  std::string path_;
  absl::Status status_;
  std::vector<Open> open_;
  ConfigNode document_;
  bool is_complete_ = false;
  std::size_t num_nodes_ = 0;
  std::size_t num_bytes_ = 0;
};

}  // namespace accelerate::launcher
