import { expect, it } from 'vitest';
import { html } from './html.ts';

it('makes text of everything but markup, in elements and attributes', () => {
  const nasty = `<script>alert("x")</script>' onload='y & z`;
  expect(html`<p title="${nasty}">${[nasty, html`<b>${1}</b>`]}${null}</p>`.text).toBe(
    '<p title="&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&#39; onload=&#39;y &amp; z">&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&#39; onload=&#39;y &amp; z<b>1</b></p>',
  );
});

it('shows what would be invisible or turn the direction', () => {
  expect(html`${'pay \u202e001 \u200bnow\u0007\nand then'}`.text).toBe('pay ⟨U+202E⟩001 ⟨U+200B⟩now⟨U+0007⟩\nand then');
});
