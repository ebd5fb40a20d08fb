//! Round trips of the files and the rule of the folder.
