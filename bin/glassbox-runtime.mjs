#!/usr/bin/env node
import './glassbox-runtime.cjs';
