// ecosystem.config.cjs
module.exports = {
  apps: [
    {
      name: "live",
      script: "pm2.js",
      exec_mode: "cluster", // the processes share the port
      instances: 2,
      wait_ready: true, // until the new process listens, the old one stays
      kill_timeout: 10_000, // longer than terminate(5) takes
    },
  ],
};
