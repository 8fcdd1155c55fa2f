// Haraka plugin: outgoing mail goes to the exchange `rewrite` of Tracking and comes back, rewritten, to be signed and
// delivered. See ../haraka.md.

const amqp = require('amqplib')
const { Address } = require('@haraka/email-address')
const outbound = require('./outbound')
const { createTransaction } = require('./transaction')

const PAUSE = 5000

exports.register = function () {
    this.load_settings()
    this.register_hook('queue_outbound', 'publish')
}

exports.load_settings = function () {
    const settings = this.config.get('tracking.ini').main
    this.broker = settings.broker || 'amqp://127.0.0.1'
    this.cluster = settings.cluster
    this.back = settings.back || 'rewritten'
    this.prefetch = Number(settings.prefetch) || 10
    // Below Haraka's plugin_timeout of 30 s, after which the message would go on without having been rewritten.
    this.timeout = (Number(settings.timeout) || 20) * 1000
}

// One process per machine, or one of several workers: each takes its share of what comes back.
exports.hook_init_master = function (next) {
    if (!server.cluster) this.take_back()
    next()
}

exports.hook_init_child = function (next) {
    this.take_back()
    next()
}

// Out: accepted from the client only when the broker has stored every copy.

exports.publish = function (next, connection) {
    const transaction = connection?.transaction
    if (!transaction) return next()

    transaction.message_stream.get_data(async (message) => {
        try {
            await this.within(
                this.timeout,
                Promise.all(transaction.rcpt_to.map((recipient, i) => this.send(transaction, recipient, i, message))),
            )
        } catch (error) {
            connection.logerror(this, error.message)
            return next(DENYSOFT, 'Not now')
        }
        next(OK)
    })
}

exports.send = async function (transaction, recipient, index, message) {
    const channel = await this.channel()
    const id = `${transaction.uuid}.${index}`
    const headers = { 'tracking-recipient': recipient.address }
    if (!transaction.mail_from.isNull()) headers['tracking-sender'] = transaction.mail_from.address
    if (this.cluster) headers['tracking-cluster'] = this.cluster

    return new Promise((resolve, reject) => {
        channel.returned.set(id, reject)
        channel.lost.add(reject)
        const properties = {
            contentType: 'message/rfc822', headers, mandatory: true, messageId: id, persistent: true,
        }
        if (this.back !== 'rewritten') properties.replyTo = this.back
        channel.publish('rewrite', '', message, properties, (error) => {
            channel.returned.delete(id)
            channel.lost.delete(reject)
            if (error) reject(error)
            else resolve()
        })
    })
}

// One connection for all, made anew after it was lost.
exports.channel = function () {
    this.opening ??= this.open().catch((error) => {
        this.opening = undefined
        throw error
    })
    return this.opening
}

exports.open = async function () {
    const connection = await amqp.connect(this.broker, { heartbeat: 10, timeout: 10000 })
    connection.on('error', (error) => this.logerror(error.message))
    const channel = await connection.createConfirmChannel()
    channel.returned = new Map()
    channel.lost = new Set()
    channel.on('return', (message) => {
        const reject = channel.returned.get(message.properties.messageId)
        if (reject) reject(new Error('There is no queue behind the exchange rewrite.'))
    })
    channel.on('error', (error) => this.logerror(error.message))
    const end = () => {
        this.opening = undefined
        for (const reject of channel.lost) reject(new Error('The broker has gone.'))
        connection.close().catch(() => {})
    }
    channel.on('close', end)
    connection.on('close', end)
    return channel
}

exports.within = function (time, work) {
    let timer
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error('The broker does not answer.')), time)
    })
    return Promise.race([work, late]).finally(() => clearTimeout(timer))
}

// Back: acknowledged only when Haraka has written the message to its own queue.

exports.take_back = async function () {
    for (;;) {
        try {
            await this.consume()
        } catch (error) {
            this.logerror(error.message)
        }
        await new Promise((resolve) => { setTimeout(resolve, PAUSE) })
    }
}

exports.consume = async function () {
    const connection = await amqp.connect(this.broker, { heartbeat: 10, timeout: 10000 })
    connection.on('error', (error) => this.logerror(error.message))
    try {
        const channel = await connection.createChannel()
        channel.on('error', (error) => this.logerror(error.message))
        const closed = new Promise((resolve) => {
            channel.on('close', resolve)
            connection.on('close', resolve)
        })
        await channel.prefetch(this.prefetch)
        await channel.consume(this.back, (message) => message && this.deliver(channel, message))
        this.loginfo(`takes mail from ${this.back}`)
        await closed
    } finally {
        connection.close().catch(() => {})
    }
}

exports.deliver = function (channel, message) {
    const headers = message.properties.headers || {}
    let transaction
    try {
        transaction = createTransaction(null, this.config.get('smtp.ini'))
        transaction.mail_from = new Address(`<${headers['tracking-sender'] || ''}>`)
        transaction.rcpt_to = [new Address(`<${headers['tracking-recipient']}>`)]
        if (!headers['tracking-recipient']) throw new Error('A message without tracking-recipient.')
    } catch (error) {
        // Nobody to send it to: to the dead letters, where its operator finds it.
        this.logerror(error.message)
        return channel.nack(message, false, false)
    }

    // Not outbound.send_email, which takes bytes for UTF-8.
    for (const line of lines(message.content)) transaction.add_data(line)
    transaction.end_data(() => outbound.send_trans_email(transaction, (code, text) => {
        if (code === OK) return acknowledge(channel, message)
        this.logerror(`${text}; again in ${PAUSE / 1000} s`)
        setTimeout(() => return_to_queue(channel, message), PAUSE)
    }))
}

function acknowledge (channel, message) {
    // On a channel that was lost meanwhile: it comes again, and is sent twice.
    try { channel.ack(message) } catch {}
}

function return_to_queue (channel, message) {
    try { channel.nack(message) } catch {}
}

function * lines (bytes) {
    for (let begin = 0; begin < bytes.length;) {
        const end = bytes.indexOf(10, begin)
        const next = end < 0 ? bytes.length : end + 1
        let line = bytes.subarray(begin, next)
        if (end < 0) line = Buffer.concat([line, Buffer.from('\r\n')])
        // As it comes over SMTP: a leading dot doubled.
        yield line[0] === 46 ? Buffer.concat([Buffer.from('.'), line]) : line
        begin = next
    }
}
