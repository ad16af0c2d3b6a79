#pragma once
#include "tajo/data/value.hpp"
#include "tajo/data/vector.hpp"

namespace tajo::data {

/// Room for `rows` validity bits, unset, in `arena`.
std::uint64_t* allocate_valid(Arena& arena, std::uint32_t rows);

/// A kFlat (or unchanged kConstant) form of any vector: kStored is widened, kCodes looked up; kFlat comes back as it
/// is. Only the selected rows are guaranteed to be filled (others may be, or stay undefined: never read them). `rows`:
/// how many rows are physically present. Throws XX001 when a code lies outside its dictionary.
Vector load(const Vector& in, std::uint32_t rows, const Selection& selection, Arena& arena);

/// uint32 dictionary codes of a kCodes vector or a kStored one of type kStr at the rows' own positions; checks the
/// codes of valid selected rows against the dictionary's size (XX001). NULL rows get code 0.
/// `valid_out` as Vector::valid.
const std::uint32_t* load_codes(const Vector& in, std::uint32_t rows, const Selection& selection, Arena& arena,
                                const std::uint64_t*& valid_out);

/// Validity of a kStored vector with a null value, merged with its bitmap; nullptr when no NULL is possible.
const std::uint64_t* load_valid(const Vector& in, std::uint32_t rows, Arena& arena);

/// One row of a vector in any form as a Value of `type` (its text is copied).
Value value_at(const Vector& in, std::uint32_t row, const Type& type);
/// A kConstant vector of a value; text is copied into the arena.
Vector constant_vector(const Value& value, Physical physical, Arena& arena);

}  // namespace tajo::data
