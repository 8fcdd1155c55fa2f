using System.Globalization;
using System.Text;
using Npgsql;

namespace Tracking.Management.Requests;

/// <summary>
/// The WHERE of a query whose filters are optional. Conditions are constants of the code; values only ever travel as
/// parameters.
/// </summary>
internal sealed class SqlConditions
{
    private readonly StringBuilder _sql = new();
    private readonly List<object> _values = [];

    /// <summary>Adds a condition; every <c>?</c> stands for the next of <paramref name="values"/>.</summary>
    public SqlConditions And(string condition, params ReadOnlySpan<object> values)
    {
        _sql.Append(_sql.Length == 0 ? "" : " AND ");
        var next = 0;
        foreach (var c in condition)
        {
            if (c == '?')
            {
                _values.Add(values[next++]);
                _sql.Append(CultureInfo.InvariantCulture, $"${_values.Count}");
            }
            else
            {
                _sql.Append(c);
            }
        }

        return this;
    }

    /// <summary>A command whose <c>{where}</c> is the conditions.</summary>
    public NpgsqlCommand Command(NpgsqlDataSource dataSource, string sql)
    {
        var command = dataSource.CreateCommand(sql.Replace("{where}", _sql.ToString(), StringComparison.Ordinal));
        foreach (var value in _values)
        {
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        }

        return command;
    }
}
