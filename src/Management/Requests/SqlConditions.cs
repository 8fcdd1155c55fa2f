using System.Globalization;
using System.Text;
using Npgsql;
using Tracking.Database;

namespace Tracking.Management.Requests;

/// <summary>
/// The WHERE clause of a query with optional filters. The conditions are constants in the code. The values are always
/// parameters.
/// </summary>
internal sealed class SqlConditions
{
    private readonly StringBuilder _sql = new();
    private readonly List<object> _values = [];

    /// <summary>Adds a condition. Each <c>?</c> stands for the next value of <paramref name="values"/>.</summary>
    public SqlConditions And(string condition, params ReadOnlySpan<object> values)
    {
        _sql.Append(_sql.Length == 0 ? "" : " AND ").Append(condition);
        _values.AddRange(values);
        return this;
    }

    /// <summary>Adds all conditions of another object.</summary>
    public SqlConditions And(SqlConditions other) => And(other._sql.ToString(), [.. other._values]);

    /// <summary>A copy, to which other conditions can be added.</summary>
    public SqlConditions Copy() => new SqlConditions().And(this);

    /// <summary>A command in which <c>{where}</c> is replaced by the conditions.</summary>
    public NpgsqlCommand Command(ApiDataSource dataSource, string sql)
    {
        var command = dataSource.CreateCommand(sql.Replace("{where}", Numbered(), StringComparison.Ordinal));
        foreach (var value in _values)
        {
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        }

        return command;
    }

    /// <summary>The same as a part of a batch.</summary>
    /// <param name="sql">The statement, in which <c>{where}</c> is replaced by the conditions.</param>
    /// <param name="more">Further values: in <paramref name="sql"/>, <c>{1}</c> is the first of them.</param>
    public NpgsqlBatchCommand BatchCommand(string sql, params ReadOnlySpan<object> more)
    {
        var text = sql.Replace("{where}", Numbered(), StringComparison.Ordinal);
        for (var i = 1; i <= more.Length; i++)
        {
            text = text.Replace(
                string.Create(CultureInfo.InvariantCulture, $"{{{i}}}"),
                string.Create(CultureInfo.InvariantCulture, $"${_values.Count + i}"),
                StringComparison.Ordinal);
        }

        var command = new NpgsqlBatchCommand(text);
        foreach (var value in (ReadOnlySpan<object>)[.. _values, .. more])
        {
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        }

        return command;
    }

    private string Numbered()
    {
        var numbered = new StringBuilder();
        var number = 0;
        foreach (var c in _sql.ToString())
        {
            _ = c == '?'
                ? numbered.Append(CultureInfo.InvariantCulture, $"${++number}")
                : numbered.Append(c);
        }

        return numbered.ToString();
    }
}
