// Starts the app: the theme before the first drawing, the screen's code while signing in is under way.
import { mount } from 'svelte';
import App from './App.svelte';
import { begin } from './data/activity';
import { screens } from './screens';
import { parsePath } from './state/routes';
import { theme } from './state/theme.svelte';
import './style/tokens.css';
import './style/reset.css';
import './style/floating.css';
import './style/print.css';

const started = begin();
theme.start();
void screens[parsePath(window.location.pathname).screen]();

const target = document.getElementById('app');
if (!target) throw new Error('cannot start: index.html has no element with the id "app"');
mount(App, { target });
started();
