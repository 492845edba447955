using System.Globalization;
using System.Management.Automation;
using System.Reflection;
using System.Runtime.Loader;
using System.Text.Json;
using Microsoft.Data.Sqlite;

namespace Neighbour;

/// <summary>Writes to a database of its own and reads it again through JSON, with the libraries it brings.</summary>
[Cmdlet(VerbsLifecycle.Invoke, "NeighbourWork")]
[OutputType(typeof(PSObject))]
public sealed class InvokeNeighbourWorkCommand : PSCmdlet
{
    /// <summary>The database; made when it is not there.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    public string Path { get; set; } = string.Empty;

    /// <summary>Adds a row and emits how many there are, and which libraries were at work.</summary>
    protected override void ProcessRecord()
    {
        using var connection = new SqliteConnection($"Data Source={Path};Pooling=False");
        connection.Open();
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = "CREATE TABLE IF NOT EXISTS rows (json TEXT NOT NULL); INSERT INTO rows (json) VALUES (@json); SELECT COUNT(*) FROM rows";
        command.Parameters.AddWithValue("@json", JsonSerializer.Serialize(new { answer = 42 }));
        long rows = Convert.ToInt64(command.ExecuteScalar(), CultureInfo.InvariantCulture);

        var result = new PSObject();
        result.Properties.Add(new PSNoteProperty("Rows", rows));
        Add(result, "Sqlite", typeof(SqliteConnection));
        Add(result, "Raw", typeof(SQLitePCL.raw));
        WriteObject(result);
    }

    private static void Add(PSObject result, string name, Type type)
    {
        Assembly assembly = type.Assembly;
        bool isShared = AssemblyLoadContext.GetLoadContext(assembly) == AssemblyLoadContext.Default;
        result.Properties.Add(new PSNoteProperty(name, $"{assembly.GetName().Version}{(isShared ? string.Empty : " apart")}"));
    }
}
