" Run by vim.js in the folder of the texts: shows each as Vim does, and writes what it shows each character as.
"
" A list for each text, in it a list for each line, in it the name of the group of each character; read back as JSON. Lines are asked
" for from the last to the first, so that Vim must find out in the middle of a text where it is.

set encoding=utf-8 nomore shortmess+=F
let &runtimepath = $PENTANE_VIM .. ',' .. &runtimepath
filetype plugin on
syntax on

function Line(number) abort
  let names = []
  let column = 1
  for character in split(getline(a:number), '\zs')
    call add(names, synIDattr(synID(a:number, column, 1), 'name'))
    let column += len(character)
  endfor
  return names
endfunction

let shown = []
for file in sort(glob('*.pol', 0, 1))
  execute 'edit' fnameescape(file)
  let lines = map(range(line('$'), 1, -1), {_, number -> Line(number)})
  call add(shown, {'file': file, 'type': &filetype, 'lines': reverse(lines)})
endfor
call writefile([json_encode(shown)], 'shown.json')
