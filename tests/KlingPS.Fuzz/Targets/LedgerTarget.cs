using System.Data.Common;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Json;
using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Processes;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Ledger.Sqlite;
using KlingPS.Core.Model;

namespace KlingPS.Fuzz.Targets;

/// <summary>
/// A ledger with any values in its records. An input is a JSON object of tables, each an object of columns; a text that begins with the
/// character 1 is stored as bytes. The records are written past the ledger, into its file, and then it is asked everything.
/// </summary>
internal sealed class LedgerTarget : FileTarget
{
    private const string Account = "0123456789abcdef";
    private const string ImagePath = "/images/a.png";

    /// <summary>What every record has, so that the questions are about it.</summary>
    private static readonly Dictionary<string, (string Column, object Value)[]> s_keys = new(StringComparer.Ordinal)
    {
        ["texts"] = [("id", 1)],
        ["tasks"] = [("id", 1), ("account", Account), ("prompt_id", 1)],
        ["account_keys"] = [],
        ["runs"] = [("id", "1"), ("account", Account)],
        ["uploads"] = [("account", Account)],
        ["saved_files"] = [("task", 1), ("machine", string.Empty)],
        ["machine_hashes"] = [("machine", string.Empty), ("path", ImagePath)],
    };

    private readonly SqlLedger _ledger;
    private readonly DbConnection _file;
    private readonly Dictionary<string, HashSet<string>> _columns = new(StringComparer.Ordinal);
    private readonly VideoSpec _spec;

    public LedgerTarget()
    {
        string path = PathOf("ledger.db");
        ProcessIdentity owner = ProcessIdentity.Current;
        _ledger = new SqlLedger(
            new SqliteEngine(path, () => SqliteProvider.Factory, TimeProvider.System, owner.Boot) { IsFlushed = false },
            new ProcessOwners(owner, _ => false),
            TimeProvider.System);
        _ledger.OpenAsync(default).GetAwaiter().GetResult();
        _file = SqliteProvider.Factory.CreateConnection()!;
        _file.ConnectionString = $"Data Source={path};Pooling=False";
        _file.Open();
        Execute("PRAGMA synchronous = OFF", []);
        foreach (string table in s_keys.Keys)
        {
            using DbCommand command = _file.CreateCommand();
            command.CommandText = "SELECT name FROM pragma_table_info(@table)";
            Bind(command, "table", table);
            using DbDataReader reader = command.ExecuteReader();
            _columns[table] = [];
            while (reader.Read())
            {
                _columns[table].Add(reader.GetString(0));
            }
        }

        _spec = new VideoSpec { Prompt = "a fox runs", Image = MediaSource.FromFile(ImagePath) with { Hash = "a", Uri = "https://files.example/a.png" } };
    }

    public override string Name => "ledger";

    /// <summary>The JSON only says what to write. Broken, it would write nothing.</summary>
    public override bool IsJson => true;

    public override async Task ReadAsync(byte[] input)
    {
        if (!TryWrite(input))
        {
            return;
        }

        var budget = new BudgetLimit { RunId = "run", MaxCredits = 100, MaxTasks = 10, DailyCredits = 100 };
        var intent = new TaskIntent { Account = Account, Spec = _spec, Identity = _spec.GetIdentity(), Credits = 42, Budget = budget };
        ITaskJournal tasks = _ledger.Tasks;

        // Each is asked, whatever the one before has found.
        Exception? first = null;
        foreach (Func<Task> ask in (Func<Task>[])
        [
            async () => Check(await tasks.FindAsync(1, default).ConfigureAwait(false)),
            async () => (await tasks.ListAsync(new TaskFilter(), default).ConfigureAwait(false)).ToList().ForEach(Check),
            () => tasks.ListAsync(new TaskFilter { Account = Account, Unsaved = true, Since = DateTimeOffset.UnixEpoch, ExpiresBy = DateTimeOffset.UtcNow }, default),
            () => tasks.FindByTaskIdAsync(Account, "task-1", default),
            () => tasks.FindByNonceAsync(Account, "0123456789abcdef", default),
            () => tasks.FindEarlierAsync(Account, _spec, default),
            () => tasks.FindUnknownAsync(Account, _spec, default),
            () => tasks.ListByFilesAsync(Account, ImagePath, null, 5, default),
            () => tasks.ListSavedPathsAsync(default),
            () => tasks.FindBudgetExcessAsync(intent, default),
            () => _ledger.Accounts.ListAsync(default),
            () => _ledger.Accounts.FindUploadAsync(Account, default),
            () => _ledger.Accounts.ListTasksAsync(Account, 5, default),
            () => _ledger.Uploads.FindAsync(Account, "a", default),
            () => _ledger.FileHashes.FindAsync(ImagePath, new FileStamp(10, new DateTimeOffset(1790000000000, TimeSpan.Zero), "1:2"), default),
            () => _ledger.GenerationTimes.ListAsync(ModelCatalog.DefaultId, 5, 5, default),
            () => _ledger.Prices.FindLastAsync(Account, _spec, DateTimeOffset.UnixEpoch, default),
            .. Enum.GetValues<KlingSpendGroup>().Select<KlingSpendGroup, Func<Task>>(group => () => SumAsync(group)),
            () => _ledger.Runs.FindLastAsync(new RunFilter { Account = Account, ExitCodes = [0] }, default),
            () => tasks.RecordSnapshotAsync(Account, new TaskSnapshot { TaskId = "task-1", State = KlingTaskState.Generating }),
            () => tasks.RecoverAsync(default),
        ])
        {
            try
            {
                await ask().ConfigureAwait(false);
            }
#pragma warning disable CA1031 // The first that is no refusal goes on, or else the first refusal.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                first = first is null || (IsExpected(first) && !IsExpected(exception)) ? exception : first;
            }
        }

        if (first is not null)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(first);
        }
    }

    protected override void Dispose(bool isDisposing)
    {
        if (isDisposing)
        {
            _file.Dispose();
            _ledger.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }

        base.Dispose(isDisposing);
    }

    private async Task SumAsync(KlingSpendGroup group)
    {
        foreach (KlingSpend sum in await _ledger.Spending.SumAsync(new SpendFilter { Account = Account }, group, default).ConfigureAwait(false))
        {
            if (sum.CreditsConsumed is < 0 or > VideoPrice.Max || sum.CreditsReserved is < 0 or > VideoPrice.Max)
            {
                throw new BrokenPromiseException($"{sum.CreditsReserved} and {sum.CreditsConsumed} were added up from one task.");
            }
        }
    }

    private static void Check(KlingVideoTask? task)
    {
        if (task is not null && (task.CreditsConsumed is < 0 or > VideoPrice.Max || task.CreditsReserved is < 0 or > VideoPrice.Max))
        {
            throw new BrokenPromiseException($"{task.CreditsReserved} and {task.CreditsConsumed} were taken for prices.");
        }
    }

    /// <summary>Puts the records in the place of those of the last input.</summary>
    /// <returns>Whether the database takes them. What breaks its own rules cannot be in any ledger.</returns>
    private bool TryWrite(byte[] input)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(input);
            using DbTransaction transaction = _file.BeginTransaction();
            foreach ((string table, (string Column, object Value)[] keys) in s_keys)
            {
                Execute($"DELETE FROM {table}", [], transaction);
                if (document.RootElement.TryGetProperty(table, out JsonElement record) && record.ValueKind == JsonValueKind.Object)
                {
                    var values = new Dictionary<string, object?>(StringComparer.Ordinal);
                    foreach (JsonProperty member in record.EnumerateObject().Where(member => _columns[table].Contains(member.Name)))
                    {
                        values[member.Name] = ToValue(member.Value);
                    }

                    foreach ((string column, object value) in keys)
                    {
                        values[column] = value;
                    }

                    Execute($"INSERT INTO {table} ({string.Join(", ", values.Keys)}) VALUES ({string.Join(", ", values.Keys.Select(column => "@" + column))})", values, transaction);
                }
            }

            transaction.Commit();
            return true;
        }
        catch (Exception exception) when (exception is JsonException or DbException or InvalidOperationException)
        {
            return false;
        }
    }

    private static object? ToValue(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Null => null,
        JsonValueKind.True => 1,
        JsonValueKind.False => 0,
        JsonValueKind.Number => element.TryGetInt64(out long number) ? number : element.GetDouble(),
        JsonValueKind.String => element.GetString() is ['\u0001', .. string bytes] ? Encoding.UTF8.GetBytes(bytes) : element.GetString(),
        _ => element.GetRawText(),
    };

    [SuppressMessage("Security", "CA2100", Justification = "Tables and columns are those of the schema; values are parameters.")]
    private void Execute(string sql, Dictionary<string, object?> values, DbTransaction? transaction = null)
    {
        using DbCommand command = _file.CreateCommand();
        command.CommandText = sql;
        command.Transaction = transaction;
        foreach ((string name, object? value) in values)
        {
            Bind(command, name, value);
        }

        command.ExecuteNonQuery();
    }

    private static void Bind(DbCommand command, string name, object? value)
    {
        DbParameter parameter = command.CreateParameter();
        parameter.ParameterName = "@" + name;
        parameter.Value = value ?? DBNull.Value;
        command.Parameters.Add(parameter);
    }
}
