" Run by plugin.js in a folder with a policy: what the settings of the filetype do, written as JSON.

set encoding=utf-8 nomore hidden shortmess+=F shellpipe=>%s\ 2>&1
let &runtimepath = $PENTANE_VIM .. ',' .. &runtimepath
filetype plugin on
let said = {}

function Findings(file) abort
  execute 'edit' a:file
  silent make!
  return map(getqflist(), {_, one -> {'file': bufname(one.bufnr), 'line': one.lnum, 'column': one.col, 'type': one.type,
        \ 'text': one.text, 'valid': one.valid}})
endfunction

function Laid(lines, keys) abort
  enew!
  setfiletype pentane
  call setline(1, a:lines)
  call cursor(1, 1)
  silent execute 'normal!' a:keys
  return getline(1, '$')
endfunction

" By name alone, as it is on the path.
edit site.pol
let said.plain = [&l:makeprg, &l:formatprg]
let said.comment = [&l:commentstring, &l:comments]
call cursor(2, 12)
normal! gf
let said.included = expand('%')
edit site.pol
set filetype=
let said.undone = [&makeprg ==# &g:makeprg, &formatexpr, &commentstring ==# &g:commentstring, &iskeyword ==# &g:iskeyword,
      \ &errorformat ==# &g:errorformat]

let g:pentane_path = $PENTANE_BINARY
set filetype=pentane
let said.policy = Findings('site.pol')
cd alone
let said.alone = Findings('lone.pol')
cd ../lost
let said.lost = Findings('x.pol')

let said.laid = Laid(['allow   from any', '  for  http;', 'user bob; user bill;', 'switch s {dpid 1;access 1-4; }'], 'gggqG')
let said.part = Laid(['allow   from any', '  for  http;', 'user   bob;'], 'gggqj')
let said.grown = Laid(['user   bob;', 'test "x" {a -> b => allow; c -> d => deny;}', 'user   bill;'], '2ggVgq')
let said.broken = Laid(['allow   form any;', 'user   bob;'], 'gggqG')
call writefile([json_encode(said)], 'said.json')
call writefile([json_encode(said)], '../said.json')
