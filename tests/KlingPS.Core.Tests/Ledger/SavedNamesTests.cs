using CsCheck;
using KlingPS.Core.Files;
using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Ledger.Sqlite;

namespace KlingPS.Core.Tests.Ledger;

/// <summary>By which names the files of videos are found.</summary>
public sealed class SavedNamesTests : IAsyncDisposable
{
    private static readonly string[] s_parts =
    [
        "a", "A", "k", "\u212A", "e\u0301", "\u00C9", "\u1E9B\u0323", "\u0131", "\u017F", "\u03C2", "\u03A3", "\U00010428", "\U00010400", "\uD801", "=\u0338", " ", ".", "\\",
    ];

    private readonly TempLedger _temp = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => _temp.DisposeAsync();

    /// <summary>Every character by itself; how cases relate is a matter of one character each.</summary>
    [Fact]
    public void Characters_that_are_alike_have_one_name()
    {
        for (int code = 1; code <= 0xFFFF; code++)
        {
            string name = ((char)code).ToString();
            foreach (string other in (string[])[name.ToUpperInvariant(), name.ToLowerInvariant(), NameRule.Composed(name)])
            {
                Assert.True(
                    !NameRule.IsAlike(name, other) || name is "/" or "\\" || SavedNames.NameOf($"/a/{name}") == SavedNames.NameOf($"/b/{other}"),
                    $"U+{code:X4} and {other}");
            }
        }
    }

    /// <summary>In a loop, since attributes hold no such text.</summary>
    [Fact]
    public void A_name_with_half_a_character_is_alike_to_what_it_would_be_alike_to_without()
    {
        foreach ((string one, string other, bool isAlike) in ((string, string, bool)[])
        [
            ("\uD801 Caf\u00E9", "\uD801 cafe\u0301", true),
            ("Caf\u00E9\uDC00\uFFFE\uD801", "cafe\u0301\uDC00\uFFFE\uD801", true),
            ("\uD801\\\u1E9B\u0323", "\uD801\\\u1E60\u0323", false),
            ("caf\uD801\u00E9", "caf\uDC00\u00E9", false),
        ])
        {
            Assert.Equal(isAlike, NameRule.IsAlike(one, other));
            Assert.Equal(isAlike, SavedNames.NameOf("/a/" + one) == SavedNames.NameOf("/b/" + other));
        }
    }

    [Fact]
    public void Names_that_are_alike_are_one_in_every_spelling()
        => Gen.Select(Gen.OneOf([.. s_parts.Select(Gen.Const)]).Array[1, 6], Gen.Int[0, 4])
            .Sample((parts, spelling) =>
            {
                string name = string.Concat(parts);
                string other = spelling switch
                {
                    0 => name.ToUpperInvariant(),
                    1 => name.ToLowerInvariant(),
                    2 => NameRule.Composed(name),
                    3 => string.Concat(parts.Select(part => NameRule.Composed(part).ToLowerInvariant())),
                    _ => name,
                };
                return !NameRule.IsAlike(name, other) || SavedNames.NameOf("/videos/" + name) == SavedNames.NameOf("/other/" + other);
            });

    /// <summary>The database names what is spelled in plain characters, and this module the rest: they must not differ.</summary>
    [Fact]
    public async Task The_ledger_gives_every_path_the_name_that_it_is_looked_up_by()
    {
        SqlLedger ledger = await _temp.OpenAsync();
        await ledger.Tasks.AcceptAsync((await ledger.Tasks.BeginAsync(TempLedger.Intent(), Token)).Id, "t1");
        await Gen.Char[" !'()-./09:=@AZ[\\]`az{~\u00E9\u0301\u212A\u72D0"].Array[1, 20].Select(characters => "/" + new string(characters)).SampleAsync(
            async path =>
            {
                await ledger.Tasks.RecordSavedAsync(1, path, "cafe");
                Assert.Contains(new SavedPath(path, 1, "cafe"), await ledger.Tasks.ListSavedPathsAsync([path], Token));
                Assert.Equal(SavedNames.NameOf(path), await _temp.SqlAsync($"SELECT name FROM saved_names WHERE path = '{path.Replace("'", "''", StringComparison.Ordinal)}'"));
            },
            iter: 300,
            threads: 1);
    }

    [Fact]
    public async Task Videos_that_earlier_versions_have_saved_are_found_by_their_names()
    {
        var engine = new SqliteEngine(_temp.Path, () => SqliteProvider.Factory, _temp.Time, string.Empty);
        await (await engine.OpenAsync(
            async session =>
            {
                await Schema.MigrateAsync(session, SavedNames.Since - 1);
                if (await session.NumberAsync("SELECT COUNT(*) FROM tasks") > 0)
                {
                    return null;
                }

                for (int i = 1; i <= 250; i++)
                {
                    await session.ExecuteAsync(
                        """
                        INSERT INTO tasks (id, account, state, model, duration, created_at, reserved, saved_path, saved_hash, saving_path, saving_hash)
                            VALUES (@id, 'a', 'Succeeded', 'm', 5, 0, 0, @path, @hash, @saving, @hash)
                        """,
                        ("id", (long)i),
                        ("path", $"/videos/{(i % 2 == 0 ? "cafe\u0301" : "cafe")} {i}.mp4"),
                        ("hash", $"hash {i}"),
                        ("saving", i == 7 ? "/videos/new.mp4" : null));
                }

                await session.ExecuteAsync("INSERT INTO machine_hashes (machine, path, length, modified_at, stamp, hash, recorded_at) VALUES ('', '/copies/z.mp4', 1, 1, '', 'hash 7', 1)");
                await session.ExecuteAsync("INSERT INTO saved_files (task, machine, saved_path, saved_hash) VALUES (8, '', '/machine/y.mp4', 'hash 8')");
                return null;
            },
            isToWrite: true)).DisposeAsync();
        engine.Close();

        SqlLedger ledger = await _temp.OpenAsync();

        foreach (SavedPath saved in await ledger.Tasks.ListSavedPathsAsync(Token))
        {
            Assert.Equal([saved], await ledger.Tasks.ListSavedPathsAsync([saved.Path.ToUpperInvariant()], Token));
        }

        Assert.Equal([new SavedPath("/videos/cafe\u0301 250.mp4", 250, "hash 250")], await ledger.Tasks.ListSavedPathsAsync(["/b/CAF\u00C9 250.MP4"], Token));
        Assert.Equal(253L, await _temp.SqlAsync("SELECT COUNT(name) FROM saved_names"));
    }
}
