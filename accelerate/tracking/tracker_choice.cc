#include <c10/util/Exception.h>

#include "accelerate/tracking/file_trackers.h"
#include "accelerate/tracking/tensorboard_tracker.h"
#include "accelerate/tracking/trackers.h"

namespace accelerate {

std::shared_ptr<Tracker> TrackerChoice::make() const {
  if (tracker_ != nullptr) return tracker_;
  if (name_ == "tensorboard") return std::make_shared<TensorBoardTracker>();
  if (name_ == "jsonl") return std::make_shared<JsonLinesTracker>();
  if (name_ == "csv") return std::make_shared<CsvTracker>();
  TORCH_CHECK(false, "there is no tracker `", name_,
              "`; use \"tensorboard\", \"jsonl\" or \"csv\", or an object of your own class, as in "
              "std::make_shared<MyTracker>()");
}

}  // namespace accelerate
