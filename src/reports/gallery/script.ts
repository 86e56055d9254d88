import { CASES } from './script-cases.ts';
import { FILM } from './script-film.ts';
import { FILTERS } from './script-filters.ts';
import { PAINT } from './script-paint.ts';
import { PICTURES } from './script-pictures.ts';
import { POINT } from './script-point.ts';

/**
 * What makes the gallery answer. It reads nothing but the page and the scripts with pictures beside it, which a page
 * opened from disk may load; without it the page shows a few images as they are.
 */
export const GALLERY_SCRIPT = `
(() => {
'use strict';
const gallery = document.getElementById('gallery');
const holder = gallery.querySelector('.cases');
const tools = gallery.querySelector('.tools');
const looks = gallery.querySelector('.looks');
const list = gallery.querySelector('.list');
const info = JSON.parse(document.getElementById('gallery-info').textContent);
const of = name => tools.elements.namedItem(name) ?? looks.elements.namedItem(name);
const make = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children.filter(child => child !== undefined));
  return element;
};
const SVG = 'http://www.w3.org/2000/svg';
const clamp = (value, low, high) => Math.max(low, Math.min(high, value));
const number = (value, digits = 3) => String(Number(value.toPrecision(digits))).replace('-', '\\u2212');
${PICTURES}${PAINT}${POINT}${FILM}${CASES}${FILTERS}})();
`;
