" Vim filetype plugin
" Language: Pentane, a network access policy language
" Layout by `pentane fmt`, findings by `:make`. `g:pentane_path` says where the binary is, if it is not on the path.

if exists('b:did_ftplugin')
  finish
endif
let b:did_ftplugin = 1
let s:options = &cpoptions
set cpoptions&vim

function s:Binary(special) abort
  return exists('g:pentane_path') ? shellescape(g:pentane_path, a:special) : 'pentane'
endfunction

setlocal comments=:# commentstring=#\ %s formatoptions-=t formatoptions+=croql
setlocal expandtab shiftwidth=4 softtabstop=4 autoindent
" Names hold `-` and `.`.
setlocal iskeyword=@,48-57,_,-,.
setlocal suffixesadd=.pol
let &l:include = '^\s*include\s\+"\zs[^"]*'
let &l:define = '^\s*\%(switch\|location\|host\|user\|group\|network\|service\|gateway\|middlebox\|section\|time\)\s'

" `gggqG` lays the text out; what cannot be laid out is left as it is, which 'formatprg' alone would not do.
let &l:formatprg = s:Binary(0) .. ' fmt -'
setlocal formatexpr=PentaneFormat()

if !exists('*PentaneFormat')
  function PentaneFormat() abort
    if mode() =~# '[iR]'
      return 1
    endif
    let [first, last] = [v:lnum, v:lnum + v:count - 1]
    let error = tempname()
    let laid = systemlist(&l:formatprg .. ' 2>' .. shellescape(error), getline(first, last))
    let failed = v:shell_error
    let said = filereadable(error) ? join(readfile(error), "\n") : ''
    call delete(error)
    if failed
      echohl ErrorMsg | echomsg 'pentane fmt leaves the text as it is:' | echohl None
      echo said
      return 0
    endif
    let view = winsaveview()
    call setline(first, laid[: last - first])
    if len(laid) > last - first + 1
      call append(last, laid[last - first + 1 :])
    elseif len(laid) < last - first + 1
      silent execute (first + len(laid)) .. ',' .. last .. 'delete _'
    endif
    call winrestview(view)
    return 0
  endfunction
endif

" The policy that pentane.toml names, or else this file alone.
let &l:makeprg = s:Binary(1) .. ' check --format concise' .. (filereadable('pentane.toml') ? '' : ' %:S')
" FILE:LINE:COLUMN: SEVERITY[CODE]: MESSAGE, with the code as a part of the message; what cannot be done; no sums. Columns count
" characters, which Vim takes for bytes: behind letters that are not ASCII, the cursor comes to stand before the place.
setlocal errorformat=%f:%l:%c:\ %trror%m,%f:%l:%c:\ %tarning%m,%f:%l:%c:\ %tnfo%m,%trror:\ %m,%-G%.%#

let b:undo_ftplugin = 'setlocal comments< commentstring< formatoptions< expandtab< shiftwidth< softtabstop< autoindent<'
      \ .. ' iskeyword< suffixesadd< include< define< formatprg< formatexpr< makeprg< errorformat<'

let &cpoptions = s:options
unlet s:options
