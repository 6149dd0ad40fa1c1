// For *_level.cc files only: the build compiles each once an instruction set level, with
// GOSSAMER_LEVEL set to v2, v3 or v4 and that level's machine flags.
//
// Such a file keeps everything in an anonymous namespace and exports one constant table, named by
// LEVEL_TABLE. It uses no function template or inline function of the standard library and none of
// the house's headers but plain structs: such a function would be emitted as a weak symbol with
// this level's instructions, and the linker could pick it for code that must run on older machines.
// tools/check_levels.py looks at the object files.
#pragma once

#define LEVEL_TABLE_NAME_(table, level) table##__##level
#define LEVEL_TABLE_NAME(table, level) LEVEL_TABLE_NAME_(table, level)
// The name of this level's table, for example matmul_table__v3.
#define LEVEL_TABLE(table) LEVEL_TABLE_NAME(table, GOSSAMER_LEVEL)

// For the code outside: declares the tables of all levels and a function that picks one.
#define DECLARE_LEVEL_TABLES(Type, table)                                                     \
  extern const Type table##__v2, table##__v3, table##__v4;                                    \
  inline const Type& table(Level level) {                                                     \
    return level == Level::v4 ? table##__v4 : level == Level::v3 ? table##__v3 : table##__v2; \
  }
