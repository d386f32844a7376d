/** The picture's tabs, in their order. */
import { type AnyPanel, anyPanel } from '../panel.js';
import { cgroupsPanel } from './cgroups-panel.js';
import { layersPanel } from './layers-panel.js';
import { namespacesPanel } from './namespaces-panel.js';
import { wiringPanel } from './wiring-panel.js';

export function picturePanels(): AnyPanel[] {
  return [anyPanel(wiringPanel()), anyPanel(namespacesPanel()), anyPanel(cgroupsPanel()), anyPanel(layersPanel())];
}
