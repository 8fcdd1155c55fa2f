'use strict'
// Mail that comes back from the SMTP filter goes out, and not to the filter again: deploy/mta/haraka-smtp.md.

exports.register = function () {
    this.load_tracking_ini()
}

exports.load_tracking_ini = function () {
    const config = this.config.get('tracking_back.ini', () => this.load_tracking_ini())
    this.port = Number(config.main.port) || 10026
}

exports.hook_mail = function (next, connection) {
    if (connection.local.port === this.port) {
        connection.transaction.notes.set('queue.wants', 'outbound')
    }
    next()
}
