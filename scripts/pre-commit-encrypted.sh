#!/bin/sh
# The pre-commit hook: fails for files that are not encrypted, with the name of each. Looks at metadata, and needs no key.
# usage: pre-commit-encrypted.sh FILE...
failed=0
for file in "$@"; do
  case $file in -*) file=./$file ;; esac
  status=$(enc filestatus "$file") || { failed=1; continue; }
  if [ "$status" != '{"encrypted":true}' ]; then
    echo "$file is not encrypted" >&2
    failed=1
  fi
done
exit "$failed"
