/* SPDX-License-Identifier: Apache-2.0 */
/* Before the first paint: the colours that the visitor chose, if any. No module, so that it runs at
 * once. */
'use strict';
(() => {
  const modes = ['auto', 'light', 'dark'];

  function chosen() {
    try {
      return modes.includes(localStorage.theme) ? localStorage.theme : 'auto';
    } catch {
      return 'auto'; /* storage is switched off */
    }
  }

  function apply(mode) {
    if (mode === 'auto')
      delete document.documentElement.dataset.theme;
    else
      document.documentElement.dataset.theme = mode;
  }

  let mode = chosen();
  apply(mode);
  document.addEventListener('DOMContentLoaded', () => {
    const button = document.getElementById('theme');
    const show = () => {
      button.textContent = `◐ ${mode}`;
      button.setAttribute('aria-label', `Colours: ${mode}`);
    };
    button.addEventListener('click', () => {
      mode = modes[(modes.indexOf(mode) + 1) % modes.length];
      apply(mode);
      show();
      try {
        localStorage.theme = mode;
      } catch {
        /* holds until the page is left */
      }
      document.dispatchEvent(new Event('themechange'));
    });
    show();
  });
})();
