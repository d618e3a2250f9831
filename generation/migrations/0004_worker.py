from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('generation', '0003_fair_queue'),
    ]

    operations = [
        migrations.CreateModel(
            name='Worker',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100)),
                ('host', models.CharField(max_length=100)),
                ('version', models.CharField(max_length=40)),
                ('slots', models.PositiveSmallIntegerField()),
                ('running', models.PositiveSmallIntegerField(default=0)),
                ('started_at', models.DateTimeField()),
                ('heartbeat_at', models.DateTimeField()),
            ],
            options={
                'ordering': ['id'],
            },
        ),
    ]
